"""Partner desks in SQL: the answers of their calls, sealed, and how often desks used a case or a document.

Marks of documents are keyed digests, and references of cases are no part of a mark.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import BigInteger, Double, Text, bindparam, case, delete, literal_column, or_, select

from broker.crypto.seal import Sealer
from broker.model.desk import Counted, DeskAnswer, Use
from broker.stores.record_codec import RecordCodec, SealedCodec
from broker.stores.sql.database import Database, InsertRows
from broker.stores.sql.desk_tables import desk_answers, desk_counts

_COLUMNS: Final = ("client_id", "key", "expires", "sealed")
ANSWERS: Final = desk_answers.name
"""Table whose key a Conflict names if a call is answered twice."""

_NOW: Final = bindparam("now", type_=Double)


def answers_written() -> InsertRows:
    """The step of an atomic write that inserts the answers in the parameter `answers`. A key that is taken is a
    Conflict: the call was made twice at the same moment."""
    return InsertRows(desk_answers, "answers", _COLUMNS)


class DeskAnswerRows:
    """Sealing of answers."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealed = SealedCodec(sealer, RecordCodec(DeskAnswer))

    def rows(self, answers: Sequence[DeskAnswer]) -> Sequence[Mapping[str, object]]:
        """The parameter `answers` of the step."""
        return [
            {
                "client_id": one.client_id,
                "key": one.key,
                "expires": one.expires,
                "sealed": self._sealed.write(one, f"desk_answers:{one.client_id}:{one.key}"),
            }
            for one in answers
        ]

    def read(self, client_id: str, key: str, sealed: bytes) -> DeskAnswer | None:
        """An answer from its row, or None if it cannot be opened."""
        return self._sealed.read(sealed, f"desk_answers:{client_id}:{key}")


class SqlDesks:
    """Partner desks in SQL."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._rows = DeskAnswerRows(sealer)
        a, c = desk_answers.c, desk_counts.c
        given = {name: bindparam(name, type_=a[name].type) for name in _COLUMNS}
        mine = (a.client_id == given["client_id"], a.key == given["key"])
        self._answer = database.prepare(select(a.sealed, a.expires).where(*mine))
        self._forget = database.prepare(delete(desk_answers).where(*mine, a.expires <= _NOW).returning(a.key))
        written = database.upsert(desk_answers).values(**given)
        self._keep = database.prepare(
            written.on_conflict_do_nothing(index_elements=["client_id", "key"]).returning(a.key)
        )
        mark, most = bindparam("mark", type_=Text), bindparam("most", type_=BigInteger)
        call = bindparam("call", type_=Text)
        fresh = bindparam("until", type_=Double)
        over, again = c.expires <= _NOW, c.call == call
        one = literal_column("1", BigInteger)
        first = database.upsert(desk_counts).values(mark=mark, made=one, expires=fresh, call=call)
        counted = first.on_conflict_do_update(
            index_elements=["mark"],
            set_={
                "made": case((over, one), (again, c.made), else_=c.made + 1),
                "expires": case((over, fresh), else_=c.expires),
                "call": call,
            },
            where=or_(over, again, c.made < most),
        )
        self._count = database.prepare(counted.returning(c.made, c.expires))
        self._made = database.prepare(select(c.made, c.expires).where(c.mark == mark, c.expires > _NOW))

    async def answer(self, client_id: str, key: str, now: float) -> DeskAnswer | None:
        """The stored answer of a desk's call with this key. An expired one is deleted."""
        rows = await self._database.query(self._answer, {"client_id": client_id, "key": key})
        if not rows:
            return None
        sealed, expires = rows[0]
        if expires <= now:
            await self._database.perform(self._forget, {"client_id": client_id, "key": key, "now": now})
            return None
        return self._rows.read(client_id, key, sealed)

    async def keep(self, answer: DeskAnswer) -> None:
        """Stores the answer of a call that changed nothing, unless one with its key is stored."""
        await self._database.perform(self._keep, self._rows.rows([answer])[0])

    async def count(self, use: Use, now: float, until: float) -> int | None:
        """Counts one use durably. Returns its number, from 1; None, and nothing counted, if `most` were made.

        The first use, and the first after its `until`, begins the count. Concurrent calls get different numbers; a call
        that is made twice at the same moment counts once.
        """
        values = {"mark": use.mark, "most": use.most, "call": use.call, "now": now, "until": until}
        rows = await self._database.perform(self._count, values)
        return rows[0][0] if rows else None

    async def counted(self, mark: str, now: float) -> Counted:
        """The uses that count at `now`."""
        rows = await self._database.query(self._made, {"mark": mark, "now": now})
        return Counted(*rows[0]) if rows else Counted(0, now)
