"""Events of providers: what each does to the way that it is about (CAEP 1.0, RISC 1.0)."""

from collections.abc import Mapping
from typing import Final

from broker.model.provider_event import EventEffect, ProviderEvent
from broker.oidc.security_events import CAEP, RISC

_EFFECTS: Final[Mapping[str, EventEffect]] = {
    f"{CAEP}session-revoked": EventEffect.END_SESSIONS,
    f"{RISC}sessions-revoked": EventEffect.END_SESSIONS,
    f"{RISC}account-disabled": EventEffect.SUSPEND,
    f"{RISC}account-enabled": EventEffect.ENABLE,
    f"{RISC}account-purged": EventEffect.REMOVE,
    f"{RISC}identifier-recycled": EventEffect.REMOVE,
    f"{RISC}credential-compromise": EventEffect.END_ALL,
    f"{RISC}account-credential-change-required": EventEffect.END_ALL,
}
_LOWERING: Final = (f"{CAEP}credential-change", f"{CAEP}assurance-level-change")
"""Events that end sessions and grants if they say that something is gone: what was proven may not hold any more."""


def effect_of(event: ProviderEvent) -> EventEffect:
    """Returns what an event does. One without a person that the broker could know, or of another type, is recorded."""
    if event.unclear is not None:
        return EventEffect.RECORD
    if event.type in _LOWERING:
        return EventEffect.END_ALL if event.lowers else EventEffect.RECORD
    return _EFFECTS.get(event.type, EventEffect.RECORD)
