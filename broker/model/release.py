"""What was really released to services, as the audit record says, for comparison with what they may ask for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from broker.model.audit import AuditEvent


@dataclass(frozen=True, slots=True)
class ClaimRelease:
    """A claim that was released to a service: for the first and the last time (seconds since 1970 UTC).

    `alarm` is when it was last released although the service may not ask for it; None if that never happened.
    """

    client_id: str
    claim: str
    first: float
    last: float
    alarm: float | None = None


def releases_in(events: Iterable[AuditEvent]) -> tuple[ClaimRelease, ...]:
    """The releases that audit rows tell of, one for each claim of a service."""
    found: dict[tuple[str, str], ClaimRelease] = {}
    for event in events:
        if event.kind not in ("service_answered", "identity_kept") or event.client_id is None:
            continue
        for claim in event.details.get("claims", "").split():
            key = (event.client_id, claim)
            had = found.get(key, ClaimRelease(*key, event.at, event.at))
            found[key] = ClaimRelease(*key, min(had.first, event.at), max(had.last, event.at))
    return tuple(found.values())


def not_registered(
    releases: Iterable[ClaimRelease], registered: Mapping[str, frozenset[str]]
) -> tuple[ClaimRelease, ...]:
    """The releases of claims that their service may not ask for."""
    return tuple(one for one in releases if one.claim not in registered.get(one.client_id, frozenset()))
