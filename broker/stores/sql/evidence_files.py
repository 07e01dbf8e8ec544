"""Records of evidence files. The content of a record is sealed; the bytes of the file lie in an object store."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Double,
    Integer,
    LargeBinary,
    Text,
    Update,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from broker.crypto.seal import Sealer
from broker.model.audit import AuditEvent
from broker.model.evidence_file import EvidenceFile, FileContent, FileKind, FileState
from broker.stores.record_codec import RecordCodec, SealedCodec
from broker.stores.sql import audit
from broker.stores.sql.case_tables import cases, evidence_files
from broker.stores.sql.database import AtomicWrite, Conflict, Database, Prepared, Row

_f: Final = evidence_files.c
_id: Final = bindparam("id", type_=Text)
_case: Final = bindparam("case_id", type_=Text)
_now: Final = bindparam("now", type_=Double)
_limit: Final = bindparam("limit", type_=Integer)
_CHANGING: Final[Mapping[str, ColumnElement[Any]]] = {
    "state": bindparam("state", type_=Text),
    "expires": bindparam("expires", type_=Double),
    "sealed": bindparam("sealed", type_=LargeBinary),
}
_FIXED: Final[Mapping[str, ColumnElement[Any]]] = {
    "id": _id,
    "case_id": _case,
    "kind": bindparam("kind", type_=Text),
    "created": bindparam("created", type_=Double),
    "place": bindparam("place", type_=Text),
}


def expiry_of_case_files(passed: ColumnElement[bool]) -> Update:
    """The step of a write of a case that lets its files expire at `files_until`; None leaves them as they are."""
    until = bindparam("files_until", type_=Double)
    ready = _f.state == FileState.READY.value
    return update(evidence_files).where(passed, _f.case_id == _id, ready, until.is_not(None)).values(expires=until)


def file_shown(passed: ColumnElement[bool]) -> Update:
    """The step of a write of a case that makes one of its examined files READY: the parameters of `shown_values`."""
    given = {name: bindparam(f"file_{name}", type_=_f[name].type) for name in ("state", "expires", "sealed")}
    examined = (_f.id == bindparam("file_id", type_=Text), _f.state == FileState.QUARANTINE.value)
    return update(evidence_files).where(passed, _f.case_id == _id, *examined).values(**given)


class FileContents:
    """Sealing of what is known about files."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealed = SealedCodec(sealer, RecordCodec(FileContent))

    def shown_values(self, file: EvidenceFile | None) -> Mapping[str, object]:
        """The parameters of `file_shown`; None makes no file READY."""
        if file is None:
            return {"file_id": None, "file_state": None, "file_expires": None, "file_sealed": None}
        return {
            "file_id": file.id,
            "file_state": file.state.value,
            "file_expires": file.expires,
            "file_sealed": self.write(file),
        }

    def write(self, file: EvidenceFile) -> bytes:
        """Seals the content of a file."""
        return self._sealed.write(file.content, _place(file.id))

    def read(self, file_id: str, sealed: bytes) -> FileContent | None:
        """Opens the content of a file."""
        return self._sealed.read(sealed, _place(file_id))


class SqlEvidenceFiles:
    """Records of evidence files in SQL."""

    def __init__(self, database: Database, sealer: Sealer, audit_log: audit.SqlAudit) -> None:
        self._database = database
        self._audit = audit_log
        self._contents = FileContents(sealer)
        columns = {**_FIXED, **_CHANGING}
        counted = (
            select(func.count())
            .where(_f.case_id == _case, _f.state != FileState.PROMPTED.value, _f.expires > _now)
            .scalar_subquery()
        )
        room = counted < bindparam("most", type_=Integer)
        is_open = exists(select(cases.c.id).where(cases.c.id == _case, cases.c.is_open))
        made = insert(evidence_files).from_select(list(columns), select(*columns.values()).where(room, is_open))
        before = _f.state == bindparam("before", type_=Text)
        saved = update(evidence_files).where(_f.id == _id, before, is_open).values(**_CHANGING).returning(_f.id)
        gone = delete(evidence_files).where(_f.id == _id).returning(_f.id)
        found = select(_f.id, _f.case_id, _f.kind, _f.state, _f.created, _f.expires, _f.place, _f.sealed)
        self._begin = database.prepare(made.returning(_f.id))
        self._save = database.prepare(AtomicWrite(saved, (audit.insert_rows(),)))
        self._delete = database.prepare(AtomicWrite(gone, (audit.insert_rows(),)))
        self._by_id = database.prepare(found.where(_f.id == _id))
        live = found.where(_f.case_id == _case, _f.expires > _now)
        self._of_case = database.prepare(live.order_by(_f.created, _f.id))
        self._due = database.prepare(found.where(_f.expires <= _now).order_by(_f.expires).limit(_limit))

    async def begin(self, file: EvidenceFile, most: int, now: float) -> bool:
        """Writes a new record, unless the case is closed, or has `most` files, or receives one at this moment."""
        try:
            return bool(await self._database.perform(self._begin, {**self._values(file), "most": most, "now": now}))
        except Conflict:
            return False

    async def save(self, file: EvidenceFile, before: FileState, events: Sequence[AuditEvent] = ()) -> bool:
        """Replaces a record in state `before`, with audit rows in the same transaction. False, and nothing written, if
        it is in another state, its case is closed, or the case receives another file at this moment."""
        try:
            return bool(await self._audit.perform(self._save, {**self._values(file), "before": before.value}, events))
        except Conflict:
            return False

    async def load(self, file_id: str) -> EvidenceFile | None:
        """Returns the record with this id."""
        return next(iter(await self._many(self._by_id, {"id": file_id})), None)

    async def of_case(self, case_id: str, now: float) -> Sequence[EvidenceFile]:
        """Returns the records of a case that have not expired, the oldest first."""
        return await self._many(self._of_case, {"case_id": case_id, "now": now})

    async def due(self, now: float, limit: int) -> Sequence[EvidenceFile]:
        """Returns records that have expired, the earliest first."""
        return await self._many(self._due, {"now": now, "limit": limit})

    async def delete(self, file_id: str, events: Sequence[AuditEvent] = ()) -> bool:
        """Deletes a record, with audit rows in the same transaction; False if it is gone."""
        return bool(await self._audit.perform(self._delete, {"id": file_id}, events))

    def _values(self, file: EvidenceFile) -> Mapping[str, object]:
        return {
            "id": file.id,
            "case_id": file.case,
            "kind": file.kind.value,
            "state": file.state.value,
            "created": file.created,
            "expires": file.expires,
            "place": file.place,
            "sealed": self._contents.write(file),
        }

    async def _many(self, prepared: Prepared, parameters: Mapping[str, object]) -> Sequence[EvidenceFile]:
        rows = await self._database.query(prepared, parameters)
        return [self._file(row) for row in rows]

    def _file(self, row: Row) -> EvidenceFile:
        """The record of a row. One whose content does not open has no key, so that it is deleted and never shown."""
        file_id, case_id, kind, state, created, expires, place, sealed = row
        content = self._contents.read(file_id, bytes(sealed))
        return EvidenceFile(
            file_id, case_id, FileKind(kind), FileState(state), created, expires, place, content or FileContent()
        )


def _place(file_id: str) -> str:
    return f"evidence_files:{file_id}"
