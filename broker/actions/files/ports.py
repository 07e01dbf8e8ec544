"""What the actions on evidence files need from stores and from the platform."""

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from typing import Protocol

from broker.model.audit import AuditEvent
from broker.model.evidence_file import EvidenceFile, FileState


class ObjectStore(Protocol):
    """A store of sealed bytes by name. `place` is its name in the record of a file."""

    @property
    def place(self) -> str: ...

    async def write(self, name: str, pieces: AsyncIterable[bytes]) -> None:
        """Writes an object, durably on return. Raises StoreUnavailable, and what `pieces` raises."""
        ...

    def read(self, name: str, start: int, length: int) -> AsyncIterator[bytes]:
        """Part of an object, up to its end. Raises FileLost and StoreUnavailable."""
        ...

    async def delete(self, name: str) -> None:
        """Deletes an object, if there is one. Raises StoreUnavailable."""
        ...


class EvidenceFiles(Protocol):
    """The records of evidence files. What identifies a file's content is sealed."""

    async def begin(self, file: EvidenceFile, most: int, now: float) -> bool:
        """Writes a new record. False, and nothing written, if the case is closed, has `most` files besides prompted
        ones, or receives a file at this moment."""
        ...

    async def save(self, file: EvidenceFile, before: FileState, events: Sequence[AuditEvent] = ()) -> bool:
        """Replaces a record in state `before`, with audit rows in the same transaction. False, and nothing written, if
        it is in another state, its case is closed, or the case receives another file at this moment."""
        ...

    async def load(self, file_id: str) -> EvidenceFile | None:
        """The record with this id."""
        ...

    async def of_case(self, case_id: str, now: float) -> Sequence[EvidenceFile]:
        """The records of a case that have not expired by `now`, the oldest first. All of them by 0."""
        ...

    async def due(self, now: float, limit: int) -> Sequence[EvidenceFile]:
        """Records that have expired, the earliest first."""
        ...

    async def delete(self, file_id: str, events: Sequence[AuditEvent] = ()) -> bool:
        """Deletes a record, with audit rows in the same transaction; False if it is gone."""
        ...
