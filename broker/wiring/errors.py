"""How commands refuse: the text for the operator, and the exit status that scripts go by."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from broker.crypto.keys import KeysUnusable
from broker.model.store_results import StoreUnavailable
from broker.platform.operator_files import Unfit
from broker.platform.store_urls import BadUrl
from broker.platform.tls import TlsUnusable
from broker.platform.toml_loader import Problem

DONE: Final = 0
WRONG: Final = 1
"""Something that the operator can put right: settings, files, keys, arguments that lead nowhere, a broken record."""
USAGE: Final = 2
"""The command line itself is wrong; argparse says how."""
NOT_NOW: Final = 3
"""A store, a token or a server cannot be used at this moment. The same command may succeed later."""
INTERRUPTED: Final = 130

STATUSES: Final = f"exit status: {DONE} done, {WRONG} refused, {USAGE} wrong command line, {NOT_NOW} not possible now"


class CommandError(Exception):
    """A command that failed. The text is for the operator: the problem and its fix."""

    def __init__(self, text: str, status: int = WRONG) -> None:
        super().__init__(text)
        self.status = status


EXPECTED: Final = (StoreUnavailable, KeysUnusable, Unfit, BadUrl, TlsUnusable, OSError)
"""What comes of a machine, files and stores that are not as they should be. Any other exception is a fault of ours."""


def refusal(problem: Exception) -> CommandError:
    """What an operator reads of one of the expected exceptions."""
    if isinstance(problem, StoreUnavailable):
        return CommandError(str(problem) or "a store cannot be used", NOT_NOW)
    if isinstance(problem, Unfit):
        return CommandError(f"{problem.what}\n    {problem.fix}")
    if isinstance(problem, OSError):
        place = f"{problem.filename}: " if problem.filename else ""
        return CommandError(f"{place}{problem.strerror or type(problem).__name__}")
    return CommandError(str(problem))


def format_problems(problems: Sequence[Problem], place: Path) -> str:
    """Problems as an operator reads them."""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return "\n".join([*map(str, problems), f"{count} in {place}"])
