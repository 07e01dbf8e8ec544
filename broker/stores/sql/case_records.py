"""Sealed records of cases, and the columns that are computed from them."""

from collections.abc import Mapping, Sequence
from typing import Final

from broker.assisted.case import Case
from broker.assisted.case_row import CaseRow
from broker.crypto.seal import Sealer
from broker.stores.record_codec import RecordCodec, SealedCodec, renaming
from broker.stores.sql.database import Row

LISTED: Final = (
    "edit_version",
    "level",
    "client_id",
    "channel",
    "language",
    "changed",
    "ends",
    "agent",
    "requester",
    "flags",
    "priority",
    "why",
)
"""Columns that lists show, besides those that the other statements need."""

_RENAMED: Final = renaming(
    {
        "edition": "edit_version",
        "ends": "expires",
        "marks": "fingerprints",
        "round": "queue_round",
        "interested": "conflicts_of_interest",
        "exchanged": "phrase_verified",
        "words": "phrase",
        "own_view": "independent_review",
        "appointment": "appointed",
        "two_people": "second_review_reasons",
    }
)
"""Fields of a case as releases before 0.2 stored them."""


class CaseRecords:
    """Seals and opens the records of cases."""

    def __init__(self, sealer: Sealer) -> None:
        self._cases = SealedCodec(sealer, RecordCodec(Case, 2, _RENAMED))

    def write(self, case: Case) -> bytes:
        """Seals a case for its row."""
        return self._cases.write(case, f"cases:{case.id}")

    def read(self, case_id: str, sealed: bytes) -> Case | None:
        """Opens a case. None, and a warning in the log, if it cannot be opened."""
        return self._cases.read(sealed, f"cases:{case_id}")

    def many(self, rows: Sequence[Row]) -> Sequence[Case]:
        """The cases of rows of id and sealed record, without those that cannot be opened."""
        found = (self.read(row[0], row[1]) for row in rows)
        return [case for case in found if case is not None]


def listed(case: Case) -> Mapping[str, object]:
    """The columns that lists show."""
    return columns_of(CaseRow.of(case))


def columns_of(row: CaseRow) -> Mapping[str, object]:
    """The same of a row."""
    values = {name: getattr(row, name) for name in LISTED}
    return values | {"level": int(row.level), "flags": row.flags.value}
