"""Shared counters of all processes: epoch, version of the kill switches, high-water mark of time, reloads."""

import math
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    Insert,
    ScalarSelect,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
    update,
)

from broker.model.audit import AuditEvent
from broker.stores.sql import audit
from broker.stores.sql.database import AtomicWrite, Database, Step
from broker.stores.sql.tables import shared_counters

STEP: Final = 5
"""Seconds by which the high-water mark may lag: the interval of its writes, and the clock jump that goes undetected."""

_RESETS: Final = "time_resets"


def is_mark(name: str) -> ColumnElement[bool]:
    """The row of this counter, which always exists, so that a join with it returns at least one row."""
    return shared_counters.c.name == literal_column(f"'{name}'")


def _mark(name: str) -> ScalarSelect[Any]:
    return select(shared_counters.c.value).where(is_mark(name)).correlate(None).scalar_subquery()


EPOCH: Final = _mark("epoch")
"""The current epoch, as part of a statement."""

VERSION: Final = _mark("kill_switches")
"""The version of the kill switches, as part of a statement."""


@dataclass(frozen=True, slots=True)
class TimeSeen:
    """One reading of the database's time.

    `clock` is its own clock, in seconds since 1970 UTC; None if it has none of its own (SQLite). `mark` is the
    high-water mark, `resets` how often it was lowered.
    """

    clock: float | None
    mark: int
    resets: int


class SharedCounters:
    """The epoch, the high-water mark of time, and the number of reload requests."""

    def __init__(self, database: Database) -> None:
        self._database = database
        now = bindparam("now", type_=Double)
        own_clock = database.clock
        held = now if own_clock is None else own_clock
        whole = cast(func.floor(held), BigInteger) if own_clock is not None else bindparam("floor", type_=BigInteger)
        raised = (
            update(shared_counters)
            .where(is_mark("epoch"))
            .values(value=shared_counters.c.value + 1)
            .returning(shared_counters.c.value)
        )
        earlier = case((shared_counters.c.value > whole, whole), else_=shared_counters.c.value)
        reset = update(shared_counters).where(is_mark("time")).values(value=earlier)
        taken_back = (lambda passed: reset.where(passed), self._counted(), audit.insert_rows())
        self._raise = database.prepare(AtomicWrite(raised, taken_back))
        seen = shared_counters.c.value == bindparam("seen", type_=BigInteger)
        back = (
            update(shared_counters).where(is_mark("time"), seen).values(value=whole).returning(shared_counters.c.value)
        )
        self._take_back = database.prepare(AtomicWrite(back, (self._counted(), audit.insert_rows())))
        behind = shared_counters.c.value <= whole - literal_column(str(STEP), BigInteger)
        agree = and_(held <= now + bindparam("limit", type_=Double), held >= now - bindparam("limit", type_=Double))
        self._note = database.prepare(
            update(shared_counters)
            .where(is_mark("time"), behind, agree)
            .values(value=whole)
            .returning(shared_counters.c.value)
        )
        clock = literal_column("NULL") if own_clock is None else own_clock
        self._look = database.prepare(select(clock, _mark("time"), _mark(_RESETS)))
        again = database.upsert(shared_counters).values(name="reload", value=1)
        again = again.on_conflict_do_update(
            index_elements=[shared_counters.c.name], set_={"value": shared_counters.c.value + 1}
        )
        self._again = database.prepare(AtomicWrite(again.returning(shared_counters.c.value), (audit.insert_rows(),)))
        self._read = database.prepare(
            select(shared_counters.c.value).where(shared_counters.c.name == bindparam("name", type_=Text))
        )

    async def epoch(self) -> int:
        """The current epoch."""
        return await self._value("epoch")

    async def raise_epoch(self, actor: str, now: float) -> int:
        """Starts a new epoch: every code, grant, token and session of earlier ones becomes unknown.

        Used after a backup was restored. Also lowers a high-water mark that is ahead to the database's clock: nothing
        can become valid again by that, since everything older is invalid. Running processes follow at their next check.
        Returns the new epoch.
        """
        parameters = {"floor": math.floor(now), "events": audit.rows([AuditEvent("epoch_raised", now, actor)])}
        return int((await self._database.perform(self._raise, parameters))[0][0])

    async def look_at_time(self) -> TimeSeen:
        """The database's own clock, the high-water mark, and how often it was lowered. One round trip."""
        clock, mark, resets = (await self._database.query(self._look, {}))[0]
        return TimeSeen(None if clock is None else float(clock), int(mark or 0), int(resets or 0))

    async def note_time(self, now: float, limit: float) -> int | None:
        """Raises the high-water mark, every few seconds. Returns it in whole seconds, None if it was not due.

        The mark becomes the database's own clock, and only if `now` is within `limit` seconds of it: no process can
        move the mark ahead of that. In SQLite it becomes `now`.
        """
        rows = await self._database.perform(self._note, {"now": now, "floor": math.floor(now), "limit": limit})
        return int(rows[0][0]) if rows else None

    async def take_time_back(self, seen: int, now: float, actor: str) -> bool:
        """Lowers the high-water mark from `seen` to the database's own clock, with its audit row.

        False, and nothing written, if it has another value. The caller has expired everything that had expired by it.
        """
        event = AuditEvent("time_mark_taken_back", now, actor, details={"seconds": str(seen - math.floor(now))})
        parameters = {"floor": math.floor(now), "seen": seen, "events": audit.rows([event])}
        return bool(await self._database.perform(self._take_back, parameters))

    async def ask_reload(self, actor: str, now: float) -> int:
        """Requests a reload of the settings by every process on every host. Returns the number of requests so far."""
        parameters = {"events": audit.rows([AuditEvent("reload_asked", now, actor)])}
        return int((await self._database.perform(self._again, parameters))[0][0])

    async def reloads(self) -> int:
        """The number of reload requests so far."""
        return await self._value("reload")

    def _counted(self) -> Step:
        """The step of an atomic write that counts that the mark was lowered."""

        def step(passed: ColumnElement[bool]) -> Insert:
            row = select(literal_column(f"'{_RESETS}'", Text), literal_column("1", BigInteger)).where(passed)
            first: Insert = self._database.upsert(shared_counters).from_select(["name", "value"], row)
            grown: Insert = first.on_conflict_do_update(  # type: ignore[attr-defined]
                index_elements=[shared_counters.c.name], set_={"value": shared_counters.c.value + 1}
            )
            return grown

        return step

    async def _value(self, name: str) -> int:
        rows = await self._database.query(self._read, {"name": name})
        return int(rows[0][0]) if rows else 0
