"""Audit rows of members of staff: look-ups with the work that followed, and what one member of staff did."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, Boolean, Double, Integer, Text, and_, bindparam, case, exists, func, or_, select

from broker.model.staff_audit import StaffAct
from broker.model.staff_people import LastUse
from broker.stores.sql.database import Database
from broker.stores.sql.tables import LOOK_UP_ROWS, STAFF_ROWS, audit

SOON: Final = 1800
"""Seconds within which work follows a look-up that opened no case."""

_details: Final = msgspec.json.Decoder(dict[str, str])


class SqlStaffAudit:
    """Audit rows of members of staff in SQL. The newest rows come first; `before` continues after a row."""

    def __init__(self, database: Database) -> None:
        self._database = database
        a, later = audit.c, audit.alias("later").c
        shown = (a.id, a.kind, a.at, a.actor, a.case_id, a.details)
        same = and_(later.case_id == a.case_id, later.kind != "case_opened")
        soon = and_(later.case_id.is_not(None), later.at < a.at + SOON)
        followed = exists(
            select(later.id).where(
                later.actor == a.actor, later.id > a.id, case((a.case_id.is_not(None), same), else_=soon)
            )
        )
        page = (a.id < bindparam("before", type_=BigInteger),)
        limit = bindparam("limit", type_=Integer)
        since, every = bindparam("since", type_=Double), bindparam("every", type_=Boolean)
        self._look_ups = database.prepare(
            select(*shown, followed)
            .where(LOOK_UP_ROWS, a.at >= since, *page, or_(every, ~followed))
            .order_by(a.id.desc())
            .limit(limit)
        )
        self._last = database.prepare(
            select(a.actor, a.kind, func.max(a.at)).where(STAFF_ROWS, a.at >= since).group_by(a.actor, a.kind)
        )
        self._first = database.prepare(select(a.at).order_by(a.id).limit(1))
        self._of_member = database.prepare(
            select(*shown)
            .where(STAFF_ROWS, a.actor == bindparam("actor", type_=Text), *page)
            .order_by(a.id.desc())
            .limit(limit)
        )

    async def last_use(self, since: float) -> Mapping[str, LastUse]:
        """For each member of staff since a time: the last sign-in, and the last time of each kind of audit row."""
        found: dict[str, dict[str, float]] = {}
        for actor, kind, at in await self._database.query(self._last, {"since": since}):
            found.setdefault(str(actor).removeprefix("staff:"), {})[kind] = at
        return {member: LastUse(acts.get("staff_signed_in"), acts) for member, acts in found.items()}

    async def began(self) -> float | None:
        """When the audit record begins, in seconds since 1970 UTC; None if it has no row."""
        rows = await self._database.query(self._first, {})
        return rows[0][0] if rows else None

    async def look_ups(self, since: float, before: int, limit: int, *, idle: bool) -> Sequence[StaffAct]:
        """Look-ups since a time; with `idle` those that no work followed."""
        values = {"since": since, "before": before, "limit": limit, "every": not idle}
        return [_act(row) for row in await self._database.query(self._look_ups, values)]

    async def of_member(self, member: str, before: int, limit: int) -> Sequence[StaffAct]:
        """What a member of staff did."""
        values: Mapping[str, object] = {"actor": f"staff:{member}", "before": before, "limit": limit}
        return [_act(row) for row in await self._database.query(self._of_member, values)]


def _act(row: Sequence[Any]) -> StaffAct:
    number, kind, at, actor, case_id, details, *followed = row
    return StaffAct(number, kind, at, actor, case_id, _details.decode(details), worked=bool(followed and followed[0]))
