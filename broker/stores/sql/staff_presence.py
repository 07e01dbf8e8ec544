"""Sessions of members of staff, for leads and admins: who is signed in, and the end of all sessions of one person."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import BigInteger, Double, Text, bindparam, func, literal_column, select, update

from broker.model.audit import AuditEvent
from broker.model.staff import StaffPresence
from broker.stores.sql import audit
from broker.stores.sql.case_tables import staff_sessions
from broker.stores.sql.database import AtomicWrite, Database

_s: Final = staff_sessions.c


class SqlStaffPresence:
    """Sessions of members of staff in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        now, idle = bindparam("now", type_=Double), bindparam("idle_since", type_=Double)
        live = (_s.ended.is_(None), _s.expires > now)
        self._present = database.prepare(
            select(_s.member, func.count(literal_column("1", BigInteger)), func.max(_s.used))
            .where(*live, _s.used > idle)
            .group_by(_s.member)
            .order_by(_s.member)
        )
        ended = update(staff_sessions).where(*live, _s.member == bindparam("member", type_=Text)).values(ended=now)
        self._end = database.prepare(AtomicWrite(ended.returning(_s.digest), (audit.insert_rows(),)))

    async def present(self, now: float, idle_since: float) -> Sequence[StaffPresence]:
        """Who is signed in and has used the console since `idle_since`, by member."""
        rows = await self._database.query(self._present, {"now": now, "idle_since": idle_since})
        return [StaffPresence(*row) for row in rows]

    async def end_all(self, member: str, event: AuditEvent) -> int:
        """Ends every session of a member of staff with an audit row, in one transaction. Returns how many ended."""
        values = {"member": member, "now": event.at, "events": audit.rows([event])}
        return len(await self._database.perform(self._end, values))
