"""Activity of an account: which audit rows its citizen reads, and what of them.

A row holds ids and closed words only. Of a member of staff the citizen reads the role and the office, never who it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from broker.model.assurance import Level
from broker.model.audit import AuditEvent

YEAR: Final = 366 * 86_400
"""Seconds of activity that are shown."""


class ActivityGroup(StrEnum):
    """What the page filters by."""

    SIGN_INS = "sign_ins"
    FAILED = "failed"
    """Tries that led to nothing."""
    SERVICES = "services"
    """What services did by themselves, with the tokens that they have."""
    PEOPLE = "people"
    """What members of staff and of partner desks did."""
    CHANGES = "changes"


LOOKED, WORKED = "person_looked", "person_worked"
"""Kinds of what a person did: looked at the request for help, or worked on it."""

_G: Final = ActivityGroup
KINDS: Final[Mapping[str, ActivityGroup]] = MappingProxyType(
    {
        "service_answered": _G.SIGN_INS,
        "identity_kept": _G.SIGN_INS,
        "account_opened": _G.SIGN_INS,
        "question_confirmed": _G.SIGN_INS,
        "attempt_failed": _G.FAILED,
        "sharing_declined": _G.FAILED,
        "sharing_narrowed": _G.CHANGES,
        "question_declined": _G.FAILED,
        "question_other_person": _G.FAILED,
        "grant_refreshed": _G.SERVICES,
        "token_revoked": _G.SERVICES,
        "code_replayed": _G.SERVICES,
        "refresh_token_replayed": _G.SERVICES,
        LOOKED: _G.PEOPLE,
        WORKED: _G.PEOPLE,
        "identity_linked": _G.CHANGES,
        "identity_moved": _G.CHANGES,
        "identity_unlinked": _G.CHANGES,
        "passkey_added": _G.CHANGES,
        "passkey_removed": _G.CHANGES,
        "passkey_identity_kept": _G.CHANGES,
        "kept_identity_changed": _G.CHANGES,
        "agreement_withdrawn": _G.CHANGES,
        "service_blocked": _G.CHANGES,
        "service_unblocked": _G.CHANGES,
        "session_ended": _G.CHANGES,
        "account_disowned": _G.CHANGES,
        "account_erased": _G.CHANGES,
        "way_turned_off": _G.CHANGES,
        "way_resumed": _G.CHANGES,
        "provider_event": _G.CHANGES,
        "client_registered": _G.CHANGES,
        "client_ended": _G.CHANGES,
    }
)
"""Kinds of activity with their group. Each but LOOKED and WORKED is a kind of audit row."""


@dataclass(frozen=True, slots=True)
class Activity:
    """One thing that happened (`at` in seconds since 1970 UTC); a part that does not belong to it is None or empty.

    `claims` are the names of what the service received, `failure` the class of a failure, `role` and `office` those of
    the person.
    """

    at: float
    kind: str
    group: ActivityGroup
    client_id: str | None = None
    provider: str | None = None
    level: Level | None = None
    claims: tuple[str, ...] = ()
    failure: str = ""
    role: str = ""
    office: str = ""


def activity(event: AuditEvent) -> Activity | None:
    """Returns what a citizen reads of an audit row of the account; None if it is not for them."""
    if event.kind.startswith("case_"):
        return _by_person(event)
    group = KINDS.get(event.kind)
    if group is None:
        return None
    level = next((one for one in Level if one.name.lower() == event.details.get("level")), None)
    claims = tuple(event.details.get("claims", "").split())
    failure = event.details.get("failure", "")
    return Activity(event.at, event.kind, group, event.client_id, event.provider, level, claims, failure)


def _by_person(event: AuditEvent) -> Activity | None:
    """What a member of staff or of a partner desk did with the request of the citizen, by role and office."""
    actor, details = event.actor.partition(":")[0], event.details
    if actor not in ("staff", "desk"):
        return None
    kind = LOOKED if event.kind in ("case_opened", "case_looked_up") else WORKED
    office, role = details.get("location", ""), details.get("role", "")
    return Activity(event.at, kind, _G.PEOPLE, event.client_id, role=role, office=office)
