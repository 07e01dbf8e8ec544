"""Members of staff beyond staff.toml, and the changes of their roles, in SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Double,
    Integer,
    LargeBinary,
    Text,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    update,
)

from broker.model.audit import AuditEvent
from broker.model.staff import UNSAID, StaffMember, StaffRole
from broker.model.staff_people import (
    AccessReview,
    ChangeReason,
    ChangeState,
    PeopleWrite,
    Roles,
    StaffChange,
    StaffEntry,
    StaffSource,
    WriteOutcome,
)
from broker.platform import base64url
from broker.stores.record_codec import RecordCodec, SealedCodec
from broker.stores.sql import audit
from broker.stores.sql.case_tables import staff_sessions
from broker.stores.sql.database import AtomicWrite, Conflict, Database, UnitOfWork
from broker.stores.sql.digests import Digests, Purpose
from broker.stores.sql.people_tables import access_reviews, staff_changes, staff_people

_now: Final = bindparam("now", type_=Double)
_p: Final = staff_people.c
_c: Final = staff_changes.c
_OPEN: Final = ChangeState.OPEN.value
_LEASE: Final = "staff_people"


@dataclass(frozen=True, slots=True)
class DirectoryAttributes:
    """What the operator's directory says of a person, as it is sealed."""

    subject: str
    user_name: str
    external_id: str
    name: str
    abilities: StaffMember = UNSAID


class _Stale(Exception):
    """The entry or the change is no longer as it was read: the transaction is rolled back."""


class SqlPeople:
    """Members of staff in SQL."""

    def __init__(self, database: Database, digests: Digests, audit_log: audit.SqlAudit) -> None:
        self._database = database
        self._digests = digests
        self._audit = audit_log
        self._sealed = SealedCodec(digests.sealer, RecordCodec(DirectoryAttributes))
        columns: dict[str, Any] = {
            "version": bindparam("next", type_=BigInteger),
            "is_active": bindparam("is_active", type_=Boolean),
            "roles": bindparam("roles", type_=Text),
            "base": bindparam("base", type_=Text),
            "changed": _now,
            "user_mark": bindparam("user_mark", type_=Text),
            "subject_mark": bindparam("subject_mark", type_=Text),
            "sealed": bindparam("sealed", type_=LargeBinary),
        }
        member = bindparam("id", type_=Text)
        self._mark = database.prepare(select(func.count(_p.id), func.coalesce(func.sum(_p.version), 0)))
        self._entries = database.prepare(select(*staff_people.c).order_by(_p.id))
        self._insert = database.prepare(
            insert(staff_people).values(id=member, source=bindparam("source", type_=Text), created=_now, **columns)
        )
        self._update = database.prepare(
            update(staff_people)
            .where(_p.id == member, _p.version == bindparam("version", type_=BigInteger))
            .values(**columns)
            .returning(_p.id)
        )
        change = {name: bindparam(name, type_=column.type) for name, column in _c.items()}
        self._propose = database.prepare(insert(staff_changes).values(**change))
        ours = _c.member == bindparam("member", type_=Text)
        self._lapse = database.prepare(
            update(staff_changes)
            .where(ours, _c.state == _OPEN, _c.expires <= _now)
            .values(state=ChangeState.WITHDRAWN.value, decided=_c.expires)
        )
        self._withdraw = database.prepare(
            update(staff_changes).where(ours, _c.state == _OPEN).values(state=ChangeState.WITHDRAWN.value, decided=_now)
        )
        self._decide = database.prepare(
            update(staff_changes)
            .where(_c.id == bindparam("id", type_=Text), _c.state == _OPEN, _c.expires > _now)
            .values(state=bindparam("state", type_=Text), decided_by=bindparam("decided_by", type_=Text), decided=_now)
            .returning(_c.id)
        )
        self._waiting = database.prepare(
            select(*_c).where(_c.state == _OPEN, _c.expires > _now).order_by(_c.asked, _c.id)
        )
        self._decided = database.prepare(
            select(*_c)
            .where(_c.state != _OPEN)
            .order_by(_c.decided.desc(), _c.id)
            .limit(bindparam("limit", type_=Integer))
        )
        r = access_reviews.c
        said = {name: bindparam(name, type_=column.type) for name, column in r.items()}
        written = database.upsert(access_reviews).values(**said)
        renewed = {name: value for name, value in said.items() if name != "member"}
        kept = written.on_conflict_do_update(index_elements=["member"], set_=renewed).returning(r.member)
        self._review = database.prepare(AtomicWrite(kept, (audit.insert_rows(),)))
        self._reviews = database.prepare(select(*r))
        s = staff_sessions.c
        self._end = database.prepare(
            update(staff_sessions)
            .where(s.member == bindparam("member", type_=Text), s.ended.is_(None))
            .values(ended=_now)
        )
        self._record = database.prepare(AtomicWrite(None, (audit.insert_rows(),), select(literal_column("1"))))

    async def mark(self) -> tuple[int, int]:
        """A value that changes with every write to an entry: entries are never deleted while they matter."""
        rows = await self._database.query(self._mark, {})
        return int(rows[0][0]), int(rows[0][1])

    async def entries(self) -> Sequence[StaffEntry]:
        """All entries, by id; without those that the directory deleted."""
        rows = await self._database.query(self._entries, {})
        return [entry for row in rows if (entry := self._entry(row)) is not None]

    def _entry(self, row: Sequence[Any]) -> StaffEntry | None:
        member, source, version, active, roles, base, created, changed, _, _, sealed = row
        said = None if sealed is None else self._sealed.read(sealed, _place(member))
        if said is None and source == StaffSource.SCIM:
            return None
        said = said or DirectoryAttributes("", "", "", "")
        return StaffEntry(
            id=member,
            source=StaffSource(source),
            roles=_roles(roles),
            base=_roles(base),
            active=bool(active),
            subject=said.subject,
            user_name=said.user_name,
            external_id=said.external_id,
            name=said.name,
            abilities=said.abilities,
            created=created,
            changed=changed,
            version=version,
        )

    async def changes(self, now: float) -> Sequence[StaffChange]:
        """The changes that wait at `now`, the oldest first."""
        return [_change(row) for row in await self._database.query(self._waiting, {"now": now})]

    async def decided(self, limit: int) -> Sequence[StaffChange]:
        """The changes that were decided, the newest first."""
        return [_change(row) for row in await self._database.query(self._decided, {"limit": limit})]

    async def reviews(self) -> Sequence[AccessReview]:
        """The last review of each member of staff."""
        rows = await self._database.query(self._reviews, {})
        return [AccessReview(member, by, at, _roles(roles), bool(kept)) for member, by, at, roles, kept in rows]

    async def review(self, review: AccessReview, event: AuditEvent) -> None:
        """Writes a review in place of the one before, with its audit row."""
        values = {
            "member": review.member,
            "by": review.by,
            "at": review.at,
            "roles": _words(review.roles),
            "kept": review.kept,
        }
        await self._audit.perform(self._review, values, [event])

    async def write(self, write: PeopleWrite) -> WriteOutcome:
        """Writes in one transaction; nothing unless the outcome is DONE."""
        try:
            if write.mark is None:
                async with self._database.transaction() as unit:
                    await self._write(unit, write)
            else:
                await self._write_unless_changed(write, write.mark)
        except _Stale:
            return WriteOutcome.STALE
        except Conflict as conflict:
            # two that write the first entry of one member: the later one read nothing, which is no longer so
            return WriteOutcome.STALE if conflict.columns == ("id",) else WriteOutcome.TAKEN
        self._audit.report(write.events)
        return WriteOutcome.DONE

    async def _write_unless_changed(self, write: PeopleWrite, mark: tuple[int, int]) -> None:
        """Writes under a lease that all writes with a mark take, after comparing the mark."""
        async with self._database.leased(_LEASE) as unit:
            if unit is None or tuple((await unit.run(self._mark, {}))[0]) != mark:
                raise _Stale
            await self._write(unit, write)

    async def _write(self, unit: UnitOfWork, write: PeopleWrite) -> None:
        now = write.now
        if (closed := write.decided) is not None:
            closing = {"id": closed.id, "state": closed.state.value, "decided_by": closed.decided_by, "now": now}
            if not await unit.run(self._decide, closing):
                raise _Stale
        if write.withdraws:
            await unit.run(self._withdraw, {"member": write.withdraws, "now": now})
        if (entry := write.entry) is not None:
            values = self._row(entry, now)
            if entry.version == 0:
                await unit.run(self._insert, {**values, "source": entry.source.value})
            elif not await unit.run(self._update, {**values, "version": entry.version}):
                raise _Stale
        if (asked := write.proposed) is not None:
            await unit.run(self._lapse, {"member": asked.member, "now": now})
            await unit.run(self._propose, _change_row(asked))
        if write.ends_sessions:
            await unit.run(self._end, {"member": write.ends_sessions, "now": now})
        await unit.run(self._record, {"events": audit.rows(write.events)})

    def _row(self, entry: StaffEntry, now: float) -> Mapping[str, object]:
        """The columns of an entry. What the directory deleted has no sealed part and no marks."""
        known = bool(entry.user_name)
        said = DirectoryAttributes(entry.subject, entry.user_name, entry.external_id, entry.name, entry.abilities)
        return {
            "id": entry.id,
            "next": entry.version + 1,
            "is_active": entry.active,
            "roles": _words(entry.roles),
            "base": _words(entry.base),
            "now": now,
            "user_mark": self._digest("user", entry.user_name.casefold()) if known else None,
            "subject_mark": self._digest("subject", entry.subject) if known and entry.subject else None,
            "sealed": self._sealed.write(said, _place(entry.id)) if known else None,
        }

    def _digest(self, kind: str, value: str) -> str:
        return base64url.encode(self._digests.mac(Purpose.STAFF, f"{kind}:{value}"))


def _place(member: str) -> str:
    return f"staff_people:{member}"


def _words(roles: Roles) -> str:
    return " ".join(sorted(roles))


def _roles(words: str) -> Roles:
    return frozenset(map(StaffRole, words.split()))


def _change_row(change: StaffChange) -> Mapping[str, object]:
    return {
        "id": change.id,
        "member": change.member,
        "before": _words(change.before),
        "after": _words(change.after),
        "reason": change.reason.value,
        "asked_by": change.asked_by,
        "asked": change.asked,
        "expires": change.expires,
        "state": change.state.value,
        "decided_by": change.decided_by,
        "decided": change.decided,
    }


def _change(row: Sequence[Any]) -> StaffChange:
    change_id, member, before, after, reason, asked_by, asked, expires, state, decided_by, decided = row
    return StaffChange(
        change_id,
        member,
        _roles(before),
        _roles(after),
        ChangeReason(reason),
        asked_by,
        asked,
        expires,
        ChangeState(state),
        decided_by,
        decided,
    )
