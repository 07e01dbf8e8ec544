"""Released claims in SQL: counted from sealed audit rows by one process at a time."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from sqlalchemy import Double, Text, bindparam, case, func, select

from broker.model.audit import AuditEvent
from broker.model.release import ClaimRelease
from broker.stores.sql.audit_cursor import AuditCursor
from broker.stores.sql.database import Database
from broker.stores.sql.open_data_tables import claim_releases

_LEASE: Final = "releases"

Judge = Callable[[Iterable[AuditEvent]], Sequence[ClaimRelease]]
"""What audit rows tell of releases, with the alarms."""


class SqlClaimReleases:
    """Released claims in SQL: one row for each claim of a service. They tell of no person."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cursor = AuditCursor(database, _LEASE)
        c = claim_releases.c
        key = {name: bindparam(name, type_=Text) for name in ("client_id", "claim")}
        times = {name: bindparam(name, type_=Double) for name in ("first", "last", "alarm")}
        made = database.upsert(claim_releases).values(**key, **times)
        later = case((c.last > made.excluded.last, c.last), else_=made.excluded.last)
        changed = {"last": later, "alarm": func.coalesce(made.excluded.alarm, c.alarm)}
        self._add = database.prepare(made.on_conflict_do_update(index_elements=list(key), set_=changed))
        self._all = database.prepare(
            select(c.client_id, c.claim, c.first, c.last, c.alarm).order_by(c.client_id, c.claim)
        )

    async def count_sealed(self, judge: Judge) -> tuple[int, Sequence[ClaimRelease]]:
        """Counts the next portion of sealed audit rows. Returns how many rows it went on and what they told; 0 if there
        were none, or if another process counts at present.
        """
        async with self._database.leased(_LEASE) as unit:
            if unit is None:
                return 0, ()
            advanced, events = await self._cursor.next(unit)
            found = judge(events)
            for one in found:
                values = {"client_id": one.client_id, "claim": one.claim}
                await unit.run(self._add, values | {"first": one.first, "last": one.last, "alarm": one.alarm})
        return advanced, found

    async def released(self) -> Sequence[ClaimRelease]:
        """Every claim that was released to a service, by service and claim."""
        return [ClaimRelease(*row) for row in await self._database.query(self._all, {})]
