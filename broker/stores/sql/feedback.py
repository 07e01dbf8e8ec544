"""Feedback in SQL. Each write is one transaction with its audit row."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Double, Integer, Text, bindparam, delete, insert, select, update

from broker.crypto.seal import Sealer
from broker.model.audit import AuditEvent
from broker.model.feedback import Feedback, FeedbackWords, Rating
from broker.stores.record_codec import RecordCodec, SealedCodec
from broker.stores.sql import audit as audit_rows
from broker.stores.sql.database import AtomicWrite, Database
from broker.stores.sql.feedback_table import feedback

_c: Final = feedback.c
_COLUMNS: Final = tuple(column.name for column in _c)


class SqlFeedback:
    """Feedback in SQL."""

    def __init__(self, database: Database, sealer: Sealer, audit_log: audit_rows.SqlAudit) -> None:
        self._database = database
        self._audit = audit_log
        self._sealed = SealedCodec(sealer, RecordCodec(FeedbackWords))
        values = {column.name: bindparam(column.name, type_=column.type) for column in _c}
        then = (audit_rows.insert_rows(),)
        self._give = database.prepare(AtomicWrite(insert(feedback).values(**values).returning(_c.id), then))
        waits = (_c.id == bindparam("id", type_=Text), _c.published.is_(None))
        changed = {name: values[name] for name in ("published", "expires", "sealed")}
        self._publish = database.prepare(
            AtomicWrite(update(feedback).where(*waits).values(**changed).returning(_c.id), then)
        )
        self._delete = database.prepare(AtomicWrite(delete(feedback).where(*waits).returning(_c.id), then))
        live, limit = _c.expires > bindparam("now", type_=Double), bindparam("limit", type_=Integer)
        self._load = database.prepare(select(*_c).where(*waits, live))
        self._published = database.prepare(
            select(*_c).where(_c.published.is_not(None), live).order_by(_c.published.desc(), _c.id).limit(limit)
        )
        self._waiting = database.prepare(
            select(*_c).where(_c.published.is_(None), live).order_by(_c.at, _c.id).limit(limit)
        )

    async def give(self, given: Feedback, event: AuditEvent) -> None:
        """Writes feedback that arrived."""
        await self._audit.perform(self._give, self._row(given), [event])

    async def publish(self, given: Feedback, event: AuditEvent) -> bool:
        """Writes feedback as published. False, and nothing written, if it waits no longer."""
        row = self._row(given)
        wanted = {name: row[name] for name in ("id", "published", "expires", "sealed")}
        return bool(await self._audit.perform(self._publish, wanted, [event]))

    async def delete(self, feedback_id: str, event: AuditEvent) -> bool:
        """Deletes feedback that waits. False, and nothing written, if it waits no longer."""
        return bool(await self._audit.perform(self._delete, {"id": feedback_id}, [event]))

    async def load(self, feedback_id: str, now: float) -> Feedback | None:
        """The feedback with this id, if it waits."""
        found = self._read(await self._database.query(self._load, {"id": feedback_id, "now": now}))
        return found[0] if found else None

    async def published(self, limit: int, now: float) -> Sequence[Feedback]:
        """What was published, the newest first."""
        return self._read(await self._database.query(self._published, {"limit": limit, "now": now}))

    async def waiting(self, limit: int, now: float) -> Sequence[Feedback]:
        """What was not published, the oldest first."""
        return self._read(await self._database.query(self._waiting, {"limit": limit, "now": now}))

    def _row(self, given: Feedback) -> dict[str, object]:
        sealed = self._sealed.write(given.words, _place(given.id))
        columns = {name: getattr(given, name) for name in _COLUMNS if name != "sealed"}
        return {**columns, "rating": given.rating.value, "public": int(given.public), "sealed": sealed}

    def _read(self, rows: Sequence[Sequence[Any]]) -> list[Feedback]:
        """The feedback of rows; one that cannot be opened is left out."""
        found = []
        for row in rows:
            values = dict(zip(_COLUMNS, row, strict=True))
            words = self._sealed.read(values.pop("sealed"), _place(values["id"]))
            if words is not None:
                rating, public = Rating(values.pop("rating")), bool(values.pop("public"))
                found.append(Feedback(**values, rating=rating, public=public, words=words))
        return found


def _place(feedback_id: str) -> str:
    return f"feedback:{feedback_id}"
