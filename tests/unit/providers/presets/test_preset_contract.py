"""Every preset against the contract of providers, with the simulator as its other side."""

import pytest

from broker.platform.system import System
from broker.provider import CallbackParameters, ProviderFailureReason
from providers.presets import preset_names
from providers.simulator.national import Answer
from tests.unit.providers.contract import Counterpart, ProviderContract
from tests.unit.providers.presets.exchange import STATE, exchange

pytestmark = pytest.mark.exchange


def refusal_of(errors: dict[str, str]) -> tuple[str, str]:
    """The provider's own error for a citizen who goes back, and the reason that it becomes; else the standard's."""
    cancelled = (text for text, reason in errors.items() if reason == "cancelled")
    error = next(cancelled, "access_denied")
    return error, errors.get(error, "cancelled")


@pytest.mark.parametrize("name", preset_names())
class TestPresets(ProviderContract):
    """Each preset's provider and its simulated counterpart."""

    @pytest.fixture
    def counterpart(self, system: System, name: str) -> Counterpart:
        """Both sides of a preset."""
        here, modest, gone = exchange(name, system), exchange(name, system, max_level="low"), exchange(name, system)
        modest.simulated, modest.wire.app = here.simulated, here.wire.app
        gone.wire.gone = True
        text, reason = refusal_of(dict(here.simulated.dialect.table("response.errors")))
        error, _, description = text.partition(": ")

        async def refuse(url: str) -> CallbackParameters:
            return await here.visit(url, Answer(error=error, description=description))

        async def leave() -> None:
            here.wire.gone = True

        return Counterpart(
            here.provider,
            modest.provider,
            gone.provider,
            here.ask,
            here.visit,
            refuse,
            leave,
            pushed=here.entry.config.pushed,
            refusal=ProviderFailureReason(reason),
            ends_sessions=here.simulated.dialect.text("logout", "kind") not in ("none", "revoke"),
            takes_state_at_logout=here.simulated.dialect.text("logout", "kind") != "front_end",
            states=(STATE, "a" * 96),
        )
