"""Public statements of an installation, from its settings and the retention table."""

from collections.abc import Iterator
from typing import Final

from broker.model.assurance import Level
from broker.model.feedback import SHOWN_FOR, WAITS
from broker.model.sign_in_failure import KEPT as FAILURES_KEPT
from broker.model.statements import KeptKind, Policy, Statements
from broker.settings import Settings
from broker.settings.cross_checks import PASSKEYS
from broker.settings.profile_file import profiles_of
from broker.stores.sql.retention import AGES

ENDED: Final = (
    "authorization_codes",
    "tokens",
    "grants",
    "sessions",
    "session_clients",
    "deliveries",
    "backchannel_requests",
)
"""Tables that tell, after its end, that a citizen was signed in and where."""


def statements(settings: Settings) -> Statements:
    """What this installation states."""
    broker = settings.broker
    presets = sorted({entry.preset for entry in settings.providers.values() if entry.preset is not None})
    levels = tuple(broker.acr.get(level, "") for level in sorted(Level))
    policy = Policy(profiles_of(broker).version, broker.assisted.profiles is not None, levels, tuple(presets))
    return Statements(broker.privacy, broker.accessibility, broker.decisions, dict(_kept(settings)), policy)


def _kept(settings: Settings) -> Iterator[tuple[KeptKind, int]]:
    """The longest times for which data of citizens is kept, in seconds."""
    broker = settings.broker
    yield KeptKind.SIGNED_IN, broker.sessions.absolute
    yield KeptKind.ACCESS, max(broker.tokens.refresh, broker.tokens.app_refresh, broker.tokens.access)
    yield KeptKind.ENDED, max(AGES[table] for table in ENDED)
    yield KeptKind.FAILED, FAILURES_KEPT + AGES["sign_in_failures"]
    yield KeptKind.MESSAGES, AGES["notifications"]
    yield KeptKind.FEEDBACK, WAITS + AGES["feedback"]
    yield KeptKind.PUBLISHED_FEEDBACK, SHOWN_FOR + AGES["feedback"]
    if settings.staff is not None and broker.assisted.enabled:
        yield KeptKind.HELP, broker.assisted.redress
        yield KeptKind.APPOINTMENTS, AGES["bookings"]
        if broker.assisted.files.enabled:
            yield KeptKind.FILES, broker.assisted.files.keep
    passkeys = next((entry.config for entry in settings.providers.values() if entry.kind == PASSKEYS), None)
    if passkeys is not None:
        yield KeptKind.PASSKEYS, int(passkeys.keep)
