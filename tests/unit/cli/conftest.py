"""Fixtures: a command line, run as an operator runs it."""

from collections.abc import Callable, Sequence

import pytest

from broker import wiring
from broker.cli.context import CommandContext
from broker.cli.main import command_line
from broker.platform.system import System
from broker.wiring.errors import CommandError
from providers import KINDS
from tests.support.configuration import Configuration
from tests.support.system import FakeClock, FakeRandom

Run = Callable[..., Sequence[str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line and gives the lines that it printed. Raises CommandError as the command does."""

    def run(config: Configuration, *words: str) -> Sequence[str]:
        clock, chance = FakeClock(), FakeRandom()
        machine = CommandContext(
            KINDS,
            System(clock.now, chance.draw, clock.tick),
            "olu",
            wiring.admin_stores,
            wiring.migrate_schema,
            wiring.connect,
            wiring.test_provider,
        )
        args = command_line(lambda: machine).parse_args(
            [*words, *([] if words[0] == "reference" else ["--config", str(config.folder)])]
        )
        capsys.readouterr()
        assert args.run(args) == 0
        return capsys.readouterr().out.splitlines()

    return run


def refused(run: Run, config: Configuration, *words: str) -> str:
    """Error message of a command."""
    with pytest.raises(CommandError) as refusal:
        run(config, *words)
    return str(refusal.value)
