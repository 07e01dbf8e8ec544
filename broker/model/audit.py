"""Audit event: one row for one change, written in the same database transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Audit event: what happened, to which objects, by which actor. Contains ids and closed words only.

    `kind` is a past-tense name such as `service_answered`; `actor` is `citizen`, `service:<client_id>`, `staff:<id>`,
    `operator`, `scim` (the operator's directory) or `broker`; `details` holds small, non-personal values (a level, a
    failure class).
    """

    kind: str
    at: float
    actor: str
    transaction: str | None = None
    case: str | None = None
    client_id: str | None = None
    provider: str | None = None
    account: str | None = None
    grant: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)
