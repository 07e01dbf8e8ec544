"""Exports of the audit record: one person asks with a reason, another one releases, and it is signed."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ExportReason(StrEnum):
    """Reasons for an export."""

    AUDIT = "audit"
    COMPLAINT = "complaint"
    INCIDENT = "incident"
    COURT = "court"


class ExportState(StrEnum):
    """States of an export."""

    OPEN = "open"
    RELEASED = "released"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class AuditExport:
    """An export of the rows of some days, from `begins` to before `ends` (seconds since 1970 UTC).

    Until `expires` it can be released, and from then on downloaded. `first` and `last` are the numbers of its rows,
    `sha256` and `signature` are over the file that these rows make.
    """

    id: str
    asked_by: str
    asked: float
    reason: ExportReason
    begins: float
    ends: float
    expires: float
    state: ExportState = ExportState.OPEN
    decided_by: str = ""
    decided: float = 0.0
    first: int = 0
    last: int = 0
    rows: int = 0
    sha256: str = ""
    signature: str = ""


@dataclass(frozen=True, slots=True)
class SealedRow:
    """A row of the audit record with its number and its hash in the chain. `content` are its columns by name."""

    number: int
    hash: str
    content: Mapping[str, object]
