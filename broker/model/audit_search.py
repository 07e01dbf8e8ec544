"""What is looked for in the audit record."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Conditions of a search in the audit record, which all hold; None: any value.

    `since` (included) and `until` (excluded) are in seconds since 1970 UTC.
    """

    kind: str | None = None
    actor: str | None = None
    client_id: str | None = None
    provider: str | None = None
    account: str | None = None
    case: str | None = None
    transaction: str | None = None
    since: float | None = None
    until: float | None = None
