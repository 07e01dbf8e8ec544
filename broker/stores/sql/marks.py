"""A few numbers that all processes share: the epoch, the version of the switches, the latest time seen, reloads."""

import math
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, ScalarSelect, Text, bindparam, literal_column, select, update

from broker.model.audit import AuditEvent
from broker.stores.sql import audit
from broker.stores.sql.database import Database, Deed
from broker.stores.sql.tables import marks

_STEP: Final = 5
"""How far (seconds) the time noted may fall behind: so often it is written, so much a clock could jump back unseen."""


def is_mark(name: str) -> ColumnElement[bool]:
    """The row of this mark: always there, so that what is joined to it gives at least one row."""
    return marks.c.name == literal_column(f"'{name}'")


def _mark(name: str) -> ScalarSelect[Any]:
    return select(marks.c.value).where(is_mark(name)).correlate(None).scalar_subquery()


EPOCH: Final = _mark("epoch")
"""The current epoch, as part of a statement."""

VERSION: Final = _mark("switches")
"""The version of the switches, as part of a statement."""


class Marks:
    """The epoch, the high-water mark of time, and how often processes were told to read their settings again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        now = bindparam("now", type_=BigInteger)
        raised = update(marks).where(is_mark("epoch")).values(value=marks.c.value + 1).returning(marks.c.value)
        reset = update(marks).where(is_mark("time")).values(value=now)
        self._raise = database.prepare(Deed(raised, (lambda passed: reset.where(passed), audit.written())))
        behind = marks.c.value <= now - literal_column(str(_STEP), BigInteger)
        self._note = database.prepare(update(marks).where(is_mark("time"), behind).values(value=now))
        again = database.upsert(marks).values(name="reload", value=1)
        again = again.on_conflict_do_update(index_elements=[marks.c.name], set_={"value": marks.c.value + 1})
        self._again = database.prepare(Deed(again.returning(marks.c.value), (audit.written(),)))
        self._read = database.prepare(select(marks.c.value).where(marks.c.name == bindparam("name", type_=Text)))

    async def epoch(self) -> int:
        """The current epoch."""
        return await self._value("epoch")

    async def raise_epoch(self, who: str, now: float) -> int:
        """Begins a new epoch: every code, grant, token and session of earlier ones is unknown from now on.

        To be done after a backup was restored. It also takes the high-water mark of time back to `now`: with
        everything older dead, nothing can come to life again by that, and a clock that once ran far ahead is forgiven
        (by processes started afterwards). Gives the new epoch.
        """
        parameters = {"now": math.floor(now), "events": audit.rows([AuditEvent("epoch_raised", now, who)])}
        return int((await self._database.perform(self._raise, parameters))[0][0])

    async def note_time(self, now: float) -> int:
        """Notes that it is `now`, every few seconds; gives the latest time ever noted, in whole seconds."""
        await self._database.perform(self._note, {"now": math.floor(now)})
        return await self._value("time")

    async def ask_reload(self, who: str, now: float) -> int:
        """Says to every process on every host that it should read its settings again. Gives how often it was said."""
        parameters = {"events": audit.rows([AuditEvent("reload_asked", now, who)])}
        return int((await self._database.perform(self._again, parameters))[0][0])

    async def reloads(self) -> int:
        """How often processes were told to read their settings again."""
        return await self._value("reload")

    async def _value(self, name: str) -> int:
        rows = await self._database.query(self._read, {"name": name})
        return int(rows[0][0]) if rows else 0
