"""Verification cases. The record is sealed; only the columns that queries use are in the clear."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Delete,
    Double,
    Integer,
    LargeBinary,
    Text,
    Update,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    not_,
    or_,
    select,
    update,
)

from broker.assisted.case import Case
from broker.assisted.case_work import NO_WORK, CaseWork, FormerWrite
from broker.crypto.seal import Sealer
from broker.model.audit import AuditEvent
from broker.model.handle import normalize_user_code
from broker.model.store_results import CreateCaseResult, RoomTaken
from broker.stores.sql import audit, outbox
from broker.stores.sql.appointments import ROOM_TAKEN, booking_values, booking_written, other_bookings_ended
from broker.stores.sql.case_records import LISTED, CaseRecords, listed
from broker.stores.sql.case_tables import case_attempts, case_fingerprints, cases, staff_drafts
from broker.stores.sql.database import AtomicWrite, Conflict, Database, InsertRows, Prepared, UnitOfWork
from broker.stores.sql.desk import ANSWERS, DeskAnswerRows, answers_written
from broker.stores.sql.evidence_files import FileContents, expiry_of_case_files, file_shown
from broker.stores.sql.former_identities import FormerWrites
from broker.stores.sql.freeze_links import FreezeLinkRows, links_written
from broker.stores.sql.notices import outdated_withdrawn
from broker.stores.sql.outbox import DeliveryRows, NotificationRows
from broker.stores.sql.passkey_rows import CasePasskeyRows, written_with_case
from broker.stores.sql.proved_sessions import ProvedSessions
from broker.stores.sql.quality import SampleRows, samples_written

_id: Final = bindparam("id", type_=Text)
_CHANGING: Final[Mapping[str, ColumnElement[Any]]] = {
    "version": bindparam("version", type_=BigInteger),
    "state": bindparam("state", type_=Text),
    "is_open": bindparam("is_open", type_=Boolean),
    "continuation": bindparam("continuation", type_=Text),
    "asker": bindparam("asker", type_=Text),
    "holder": bindparam("holder", type_=Text),
    "deadline": bindparam("deadline", type_=Double),
    "queued": bindparam("queued", type_=Double),
    "due": bindparam("due", type_=Double),
    "sealed": bindparam("sealed", type_=LargeBinary),
    **{name: bindparam(name, type_=cases.c[name].type) for name in LISTED},
}
_FIXED: Final[Mapping[str, ColumnElement[Any]]] = {
    "id": _id,
    "transaction_id": bindparam("transaction", type_=Text),
    "reference": bindparam("reference", type_=Text),
    "created": bindparam("created", type_=Double),
}


def _following() -> tuple[InsertRows, ...]:
    fingerprints = InsertRows(
        case_fingerprints, "fingerprints", ("fingerprint",), {"case_id": _id}, ("case_id", "fingerprint")
    )
    return (
        fingerprints,
        audit.insert_rows(),
        outbox.notices_written(),
        outbox.deliveries_written(),
        links_written(),
        samples_written(),
        booking_written(_id),
        answers_written(),
    )


def _drafts_of_closed_case(passed: ColumnElement[bool]) -> Delete:
    """What staff typed for a case that is no longer open goes with its personal data."""
    return delete(staff_drafts).where(passed, staff_drafts.c.case_id == _id, not_(_CHANGING["is_open"]))


def _other_bookings(passed: ColumnElement[bool]) -> Update:
    return other_bookings_ended(passed, _id)


def _outdated(work: CaseWork) -> Mapping[str, object]:
    return {"outdated": sorted(kind.value for kind in work.outdated), "now": work.at}


class _Overtaken(Exception):
    """Another process saved the case, or what was kept: the transaction is rolled back."""


class SqlCases:
    """Verification cases in SQL."""

    def __init__(
        self, database: Database, sealer: Sealer, audit_log: audit.SqlAudit, proved_sessions: ProvedSessions
    ) -> None:
        self._database = database
        self._audit = audit_log
        self._former = FormerWrites(database, sealer, proved_sessions)
        self._records = CaseRecords(sealer)
        self._notices = NotificationRows(sealer)
        self._deliveries = DeliveryRows(sealer)
        self._links = FreezeLinkRows(sealer)
        self._answers = DeskAnswerRows(sealer)
        self._files = FileContents(sealer)
        self._samples = SampleRows(sealer)
        made = insert(cases).values(**_FIXED, **_CHANGING).returning(cases.c.id)
        before = cases.c.version == bindparam("before", type_=BigInteger)
        saved = update(cases).where(cases.c.id == _id, before).values(**_CHANGING).returning(cases.c.id)
        self._create = database.prepare(AtomicWrite(made, _following()))
        self._passkeys = CasePasskeyRows(sealer)
        steps = (
            *_following(),
            _drafts_of_closed_case,
            expiry_of_case_files,
            file_shown,
            *written_with_case(_id),
            _other_bookings,
            *outdated_withdrawn(database),
        )
        self._save = database.prepare(AtomicWrite(saved, steps))
        self._prepare_reading(database)
        self._prepare_attempts(database)

    def _prepare_reading(self, database: Database) -> None:
        c = cases.c
        found = select(c.id, c.sealed)
        limit = bindparam("limit", type_=Integer)
        self._by_id = database.prepare(found.where(c.id == _id))
        self._by_reference = database.prepare(found.where(c.reference == _FIXED["reference"]))
        self._by_continuation = database.prepare(found.where(c.continuation == _CHANGING["continuation"]))
        self._by_transaction = database.prepare(
            found.where(c.transaction_id == _FIXED["transaction_id"]).order_by(c.created.desc(), c.id).limit(1)
        )
        asked = (c.is_open, database.among(c.asker, "askers"))
        self._by_askers = database.prepare(found.where(*asked).order_by(c.created.desc(), c.id).limit(8))
        deadline, queued = _CHANGING["deadline"], _CHANGING["queued"]
        earlier = or_(c.deadline < deadline, and_(c.deadline == deadline, c.queued < queued))
        self._before = database.prepare(
            select(func.count()).select_from(cases).where(c.state == _CHANGING["state"], earlier)
        )
        self._held = database.prepare(found.where(c.holder == _CHANGING["holder"]).order_by(c.created, c.id))
        self._due = database.prepare(found.where(c.due <= bindparam("now", type_=Double)).order_by(c.due).limit(limit))
        alike = database.among(case_fingerprints.c.fingerprint, "fingerprints")
        self._alike = database.prepare(
            select(func.count(func.distinct(case_fingerprints.c.case_id))).where(
                alike, case_fingerprints.c.case_id != _id
            )
        )

    def _prepare_attempts(self, database: Database) -> None:
        c = case_attempts.c
        purpose, most = bindparam("purpose", type_=Text), bindparam("most", type_=BigInteger)
        columns = {"case_id": _id, "purpose": purpose, "made": literal_column("1", BigInteger)}
        first = database.upsert(case_attempts).from_select(
            list(columns), select(*columns.values()).where(most > literal_column("0"))
        )
        counted = first.on_conflict_do_update(
            index_elements=["case_id", "purpose"], set_={"made": c.made + 1}, where=c.made < most
        )
        self._count = database.prepare(counted.returning(c.made))
        self._counted = database.prepare(select(c.made).where(c.case_id == _id, c.purpose == purpose))

    async def create(self, case: Case, events: Sequence[AuditEvent], work: CaseWork = NO_WORK) -> CreateCaseResult:
        """Writes a new case with its audit rows and `work`, in one transaction; nothing unless DONE."""
        try:
            await self._audit.perform(self._create, self._values(case, work), events)
        except Conflict as conflict:
            match conflict.columns:
                case ("transaction_id",):
                    return CreateCaseResult.ONE_OPEN_ALREADY
                case ("reference",):
                    return CreateCaseResult.REFERENCE_TAKEN
                case _:
                    raise
        return CreateCaseResult.DONE

    async def save(self, case: Case, events: Sequence[AuditEvent], work: CaseWork = NO_WORK) -> bool:
        """Optimistic locking: replaces `case.version - 1`, with audit rows and `work`, in one transaction.

        False, and nothing written, also if the case would be open again beside another open one of its transaction, or
        if the call of a desk that it answers was answered already, or what was kept of its citizen is not any more as
        `work` says. Raises RoomTaken, and nothing is written, if another case has the room of the appointment.
        """
        try:
            if work.former is not None:
                return await self._save_with_former(case, events, work, work.former)
            return bool(await self._audit.perform(self._save, self._saved(case, work), events))
        except Conflict as conflict:
            if conflict.columns == ("transaction_id",) or conflict.table == ANSWERS:
                return False
            if conflict.columns == ROOM_TAKEN:
                raise RoomTaken from conflict
            raise

    async def _save_with_former(
        self, case: Case, events: Sequence[AuditEvent], work: CaseWork, former: FormerWrite
    ) -> bool:
        try:
            async with self._database.transaction() as unit:
                if not await self._former.perform(unit, former):
                    raise _Overtaken
                if not await self.save_within(unit, case, events, work):
                    raise _Overtaken
        except _Overtaken:
            return False
        self._audit.report(events)
        return True

    async def save_within(
        self, unit: UnitOfWork, case: Case, events: Sequence[AuditEvent], work: CaseWork = NO_WORK
    ) -> bool:
        """The same as a step of a longer transaction, whose caller reports the events."""
        return bool(await unit.run(self._save, {**self._saved(case, work), "events": audit.rows(events)}))

    def _saved(self, case: Case, work: CaseWork) -> Mapping[str, object]:
        return {
            **self._values(case, work),
            **self._passkeys.values(case, work),
            **self._files.shown_values(work.file),
            "before": case.version - 1,
            **_outdated(work),
        }

    async def load(self, case_id: str) -> Case | None:
        """Returns the case with this id."""
        return await self._one(self._by_id, {"id": case_id})

    async def by_reference(self, reference: str) -> Case | None:
        """Returns the case with this reference, in any notation."""
        return await self._one(self._by_reference, {"reference": normalize_user_code(reference)})

    async def by_continuation(self, digest: str) -> Case | None:
        """Returns the case whose unused continuation code has this digest."""
        return await self._one(self._by_continuation, {"continuation": digest})

    async def by_transaction(self, transaction: str) -> Case | None:
        """Returns the newest case of a transaction, by its public id."""
        return await self._one(self._by_transaction, {"transaction": transaction})

    async def by_askers(self, askers: Sequence[str]) -> Sequence[Case]:
        """The open cases that were asked for with one of these marks, the newest first."""
        return await self._many(self._by_askers, {"askers": list(askers)})

    async def count_before(self, case: Case) -> int:
        """The number of cases in the same state that `queue` returns before this one, of those with a deadline."""
        values = {"deadline": case.deadline, "queued": case.queued, "state": case.state.value}
        return int((await self._database.query(self._before, values))[0][0])

    async def by_holder(self, member: str) -> Sequence[Case]:
        """Cases whose `holder` is this member of staff."""
        return await self._many(self._held, {"holder": member})

    async def due(self, now: float, limit: int) -> Sequence[Case]:
        """Cases whose `due` is not after `now`, earliest first."""
        return await self._many(self._due, {"now": now, "limit": limit})

    async def count_attempt(self, case_id: str, purpose: str, most: int) -> int | None:
        """Counts one attempt durably, before any comparison. None, and nothing counted, after `most`."""
        rows = await self._database.perform(self._count, {"id": case_id, "purpose": purpose, "most": most})
        return int(rows[0][0]) if rows else None

    async def attempts(self, case_id: str, purpose: str) -> int:
        """The number of attempts counted."""
        rows = await self._database.query(self._counted, {"id": case_id, "purpose": purpose})
        return int(rows[0][0]) if rows else 0

    async def count_similar(self, marks: Sequence[str], besides: str) -> int:
        """The number of cases other than `besides` that have at least one of these `marks`."""
        rows = await self._database.query(self._alike, {"fingerprints": list(marks), "id": besides})
        return int(rows[0][0])

    def _values(self, case: Case, work: CaseWork) -> Mapping[str, object]:
        return {
            "id": case.id,
            "transaction": case.transaction,
            "reference": normalize_user_code(case.reference),
            "created": case.created,
            "version": case.version,
            "state": case.state.value,
            "is_open": case.open,
            "continuation": case.continuation,
            "asker": case.asker or None,
            "holder": case.holder,
            "deadline": case.deadline,
            "queued": case.queued,
            "due": case.due,
            "sealed": self._records.write(case),
            **listed(case),
            "fingerprints": [{"fingerprint": mark} for mark in sorted(set(case.fingerprints))],
            "notices": self._notices.rows(work.notices),
            "deliveries": self._deliveries.rows(work.deliveries),
            "freeze_links": self._links.rows(work.freeze_links),
            "samples": self._samples.rows(work.samples),
            "files_until": work.files_until,
            **booking_values(case),
            "answers": self._answers.rows(work.answers),
        }

    async def _one(self, prepared: Prepared, parameters: Mapping[str, object]) -> Case | None:
        return next(iter(await self._many(prepared, parameters)), None)

    async def _many(self, prepared: Prepared, parameters: Mapping[str, object]) -> Sequence[Case]:
        rows = await self._database.query(prepared, parameters)
        return self._records.many(rows)
