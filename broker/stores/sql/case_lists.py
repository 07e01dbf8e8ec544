"""Lists of verification cases, read from columns in the clear: no record is opened, but for those that may be next.

A page is read in the order of an index, from the row after the previous page, so its cost does not depend on how many
cases are open. A filter that is not set is not part of the statement; each combination is prepared when it is first
used.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Double,
    Integer,
    Text,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    union_all,
)

from broker.assisted.case import Case
from broker.assisted.case_row import COUNTED, CaseCounts, CaseFilter, CaseFlag, CaseOrder, CasePage, CaseRow
from broker.assisted.case_states import OPEN, CaseState
from broker.assisted.queue import Worker
from broker.crypto.seal import Sealer
from broker.model.handle import normalize_user_code
from broker.stores.sql.case_records import CaseRecords
from broker.stores.sql.case_tables import FLAGGED, IN_LINE, case_fingerprints, cases
from broker.stores.sql.database import Database, Prepared, Query, Row

MOST_FOUND: Final = 20
"""Cases that one look-up by reference returns at most."""

_c: Final = cases.c
_SHOWN: Final = (
    _c.id,
    _c.edit_version,
    _c.reference,
    _c.state,
    _c.level,
    _c.client_id,
    _c.channel,
    _c.language,
    _c.created,
    _c.changed,
    _c.ends,
    _c.due,
    _c.holder,
    _c.agent,
    _c.requester,
    _c.flags,
    _c.priority,
    _c.why,
)
_ZERO: Final = literal_column("0", BigInteger)
_WANTED: Final[Mapping[str, ColumnElement[bool]]] = {
    "state": _c.state == bindparam("state", type_=Text),
    "client_id": _c.client_id == bindparam("client_id", type_=Text),
    "level": _c.level == bindparam("level", type_=BigInteger),
    "channel": _c.channel == bindparam("channel", type_=Text),
    "language": _c.language == bindparam("language", type_=Text),
    "holder": _c.holder == bindparam("holder", type_=Text),
    "free": _c.holder.is_(None),
    "going": _c.state != literal_column(f"'{CaseState.HELD.value}'", Text),
    "flags": and_(FLAGGED, _c.flags.bitwise_and(bindparam("flags", type_=BigInteger)) > _ZERO),
    "before": _c.created < bindparam("before", type_=Double),
    "ends_before": _c.ends < bindparam("ends_before", type_=Double),
}
"""The condition of each filter."""


class SqlCaseLists:
    """Lists of cases in SQL."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._records = CaseRecords(sealer)
        self._pages: dict[tuple[frozenset[str], CaseOrder, bool], Prepared] = {}
        self._filtered: dict[frozenset[str], Prepared] = {}
        self._counts = database.prepare(_counts())
        number = func.count(literal_column("1", BigInteger))
        self._held = database.prepare(
            select(_c.holder, number).where(_c.is_open, _c.holder.is_not(None)).group_by(_c.holder)
        )
        newest = select(*_SHOWN).order_by(_c.created.desc(), _c.id).limit(bindparam("limit", type_=Integer))
        self._by_reference = database.prepare(newest.where(_c.reference == bindparam("reference", type_=Text)))
        f = case_fingerprints.c
        alike = select(f.case_id).where(database.among(f.fingerprint, "fingerprints"))
        self._by_fingerprints = database.prepare(newest.where(_c.id.in_(alike)))
        self._next = {started: database.prepare(_in_turn(database, started=started)) for started in (False, True)}

    async def page(self, want: CaseFilter, order: CaseOrder, after: str | None, limit: int) -> CasePage:
        """One page of at most `limit` rows in an order, after an earlier page. A malformed `after`: the first."""
        place = None if after is None else _place(after)
        parameters: dict[str, object] = {"open": want.state is None or want.state in OPEN, "limit": limit + 1}
        given = _given(want)
        shape = (frozenset(given), order, place is not None)
        if shape not in self._pages:
            self._pages[shape] = self._database.prepare(_page(*shape))
        if place is not None:
            parameters |= {"at": place[0], "id": place[1]}
        rows = await self._database.query(self._pages[shape], parameters | given)
        shown = tuple(_row(row) for row in rows[:limit])
        return CasePage(shown, _mark(shown[-1], order) if len(rows) > limit else None)

    async def by_reference(self, reference: str) -> Sequence[CaseRow]:
        """The rows of the cases with this reference, in any notation, the newest first."""
        values = {"reference": normalize_user_code(reference), "limit": MOST_FOUND}
        return [_row(row) for row in await self._database.query(self._by_reference, values)]

    async def by_fingerprints(self, marks: Sequence[str], limit: int) -> Sequence[CaseRow]:
        """The rows of the newest cases that bear one of these keyed digests."""
        values = {"fingerprints": list(marks), "limit": limit}
        return [_row(row) for row in await self._database.query(self._by_fingerprints, values)]

    async def held(self) -> Mapping[str, int]:
        """How many open cases each holder has."""
        return {row[0]: row[1] for row in await self._database.query(self._held, {})}

    async def count(self, want: CaseFilter) -> int:
        """How many cases a filter selects, up to COUNTED."""
        given = _given(want)
        shape = frozenset(given)
        if shape not in self._filtered:
            self._filtered[shape] = self._database.prepare(_filtered(shape))
        parameters = {"open": want.state is None or want.state in OPEN, "limit": COUNTED}
        return int((await self._database.query(self._filtered[shape], parameters | given))[0][0])

    async def counts(self) -> CaseCounts:
        """How many cases wait, each number up to COUNTED."""
        queued, reviews, late, stopped, oldest = (await self._database.query(self._counts, {}))[0]
        return CaseCounts(queued, reviews, late, stopped, oldest, COUNTED)

    async def next_for(self, worker: Worker, now: float, limit: int, after: Case | None = None) -> Sequence[Case]:
        """Cases that may be next for a member of staff, in turn; the following ones after a case returned earlier."""
        parameters: dict[str, object] = {
            "member": worker.member,
            "agent": worker.agent,
            "reviewer": worker.reviewer,
            "any_language": not worker.languages,
            "languages": list(worker.languages),
            "any_channel": not worker.channels,
            "channels": list(worker.channels),
            "skilled": worker.skilled,
            "skill": CaseFlag.SKILL.value,
            "now": now,
            "limit": limit,
        }
        if after is not None:
            place = CaseRow.of(after)
            queued = after.created if after.queued is None else after.queued
            parameters |= {"priority": place.priority, "at": place.ends, "queued": queued, "id": place.id}
        rows = await self._database.query(self._next[after is not None], parameters)
        return self._records.many(rows)


def _given(want: CaseFilter) -> dict[str, object]:
    """The parameters of the filters that are set."""
    given: dict[str, object | None] = {
        "state": want.state,
        "client_id": want.client_id,
        "level": want.level,
        "channel": want.channel,
        "language": want.language,
        "holder": want.holder or None,
        "free": True if want.holder == "" else None,
        "going": want.going or None,
        "flags": want.flags.value or None,
        "before": want.before,
        "ends_before": want.ends_before,
        "closed": False if want.closed_too and want.state is None else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _page(wanted: frozenset[str], order: CaseOrder, continued: bool) -> Query:  # noqa: FBT001
    def sorting(column: Any, case_id: Any) -> list[Any]:
        return [column.desc(), case_id.desc()] if order is CaseOrder.NEWEST else [column, case_id]

    column = _c.ends if order is CaseOrder.DEADLINE else _c.created
    place, limit = tuple_(column, _c.id), bindparam("limit", type_=Integer)
    parts = []
    for conditions in _parts(wanted):
        if continued:
            last = tuple_(bindparam("at", type_=Double), bindparam("id", type_=Text))
            conditions.append(place < last if order is CaseOrder.NEWEST else place > last)
        parts.append(select(*_SHOWN).where(*conditions).order_by(*sorting(column, _c.id)).limit(limit))
    if len(parts) == 1:
        return parts[0]
    found = union_all(*(select(part.subquery()) for part in parts)).subquery()
    return select(found).order_by(*sorting(found.c[column.name], found.c.id)).limit(limit)


def _filtered(wanted: frozenset[str]) -> Query:
    limit = bindparam("limit", type_=Integer)
    one: Any = literal_column("1").label("one")
    parts = [select(one).select_from(cases).where(*conditions).limit(limit) for conditions in _parts(wanted)]
    found = union_all(*(select(part.subquery()) for part in parts)).subquery()
    some: Query = select(found.c.one).limit(limit)
    return select(func.count()).select_from(some.subquery())


def _parts(wanted: frozenset[str]) -> list[list[ColumnElement[bool]]]:
    """The conditions of a filter: once, or once for open cases and once for closed ones, each read by its index."""
    conditions = [*(_WANTED[name] for name in sorted(wanted - {"closed"})), _c.level.is_not(None)]
    either = [bindparam("open", type_=Boolean)] + ([bindparam("closed", type_=Boolean)] if "closed" in wanted else [])
    return [[_c.is_open == each, *conditions] for each in either]


def _counts() -> Query:
    most = literal_column(str(COUNTED), Integer)

    def counted(*conditions: Any) -> Any:
        some = select(literal_column("1").label("one")).select_from(cases).where(*conditions).limit(most).subquery()
        return select(func.count()).select_from(some).scalar_subquery()

    first = select(_c.queued).where(_c.is_open, _is(CaseState.QUEUED)).order_by(_c.ends).limit(most)
    oldest = first.subquery()
    return select(
        counted(_c.is_open, _is(CaseState.QUEUED)),
        counted(_c.is_open, _is(CaseState.REVIEW)),
        counted(FLAGGED, _c.is_open, _flag(CaseFlag.LATE)),
        counted(FLAGGED, _c.is_open, _flag(CaseFlag.STOPPED)),
        select(func.min(oldest.c.queued)).scalar_subquery(),
    )


def _is(state: CaseState) -> ColumnElement[bool]:
    return _c.state == literal_column(f"'{state.value}'", Text)


def _flag(flag: CaseFlag) -> ColumnElement[bool]:
    return _c.flags.bitwise_and(literal_column(str(flag.value), BigInteger)) > _ZERO


def _in_turn(database: Database, *, started: bool) -> Query:
    member, now = bindparam("member", type_=Text), bindparam("now", type_=Double)
    trained = or_(
        bindparam("skilled", type_=Boolean), _c.flags.bitwise_and(bindparam("skill", type_=BigInteger)) == _ZERO
    )
    waiting = and_(
        bindparam("agent", type_=Boolean),
        or_(bindparam("any_language", type_=Boolean), database.among(_c.language, "languages")),
        or_(bindparam("any_channel", type_=Boolean), _c.channel.is_(None), database.among(_c.channel, "channels")),
        trained,
        _c.ends > now,  # not `due`, which may be a clock that leaves the case in line
    )
    review = and_(
        bindparam("reviewer", type_=Boolean),
        or_(_c.agent.is_(None), _c.agent != member),  # a case that a partner desk met has no agent
        or_(_c.holder.is_(None), _c.due <= now),
    )
    place = (_c.priority, _c.ends, _c.queued, _c.id)
    # CASE, since for OR a planner may read every row of either state, and sort them
    conditions: list[Any] = [IN_LINE, _c.requester != member, case((_is(CaseState.QUEUED), waiting), else_=review)]
    if started:
        names: dict[str, Any] = {"priority": BigInteger, "at": Double, "queued": Double, "id": Text}
        conditions.append(tuple_(*place) > tuple_(*(bindparam(n, type_=kind) for n, kind in names.items())))
    found = select(_c.id, _c.sealed).where(*conditions)
    return found.order_by(*place).limit(bindparam("limit", type_=Integer))


def _row(row: Row) -> CaseRow:
    values = dict(zip((column.name for column in _SHOWN), row, strict=True))
    return CaseRow(**values | {"state": CaseState(values["state"]), "flags": CaseFlag(values["flags"])})


def _mark(row: CaseRow, order: CaseOrder) -> str:
    at = row.ends if order is CaseOrder.DEADLINE else row.created
    return f"{at!r}~{row.id}"


def _place(after: str) -> tuple[float, str] | None:
    text, _, case_id = after.partition("~")
    try:
        at = float(text)
    except ValueError:
        return None
    return (at, case_id) if math.isfinite(at) and case_id else None
