"""Notices that have to go out. They are written with the fact they tell, sealed, and erased once they went out."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Double, Text, and_, bindparam, literal_column, null, select, update

from broker.model.notice import Notice
from broker.seal import Sealer
from broker.stores.forms import Form, Sealed
from broker.stores.sql.database import Database, Each
from broker.stores.sql.tables import notices

_COLUMNS: Final = ("id", "created", "expires", "sealed")


def _place(id: str) -> str:
    return f"notices:{id}"


def written() -> Each:
    """The step of a deed that writes the notices in the parameter `notices`."""
    never = {
        "claimed_until": literal_column("0", Double),
        "tries": literal_column("0", BigInteger),
    }
    return Each(notices, "notices", _COLUMNS, never)


class Notices:
    """How notices are kept."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealed = Sealed(sealer, Form(Notice))

    def rows(self, sent: Sequence[Notice]) -> Sequence[Mapping[str, Any]]:
        """The parameter `notices` of `written`."""
        return [
            {"id": n.id, "created": n.created, "expires": n.expires, "sealed": self._sealed.write(n, _place(n.id))}
            for n in sent
        ]

    def notice(self, id: str, sealed: bytes) -> Notice | None:
        """A notice from its row, or None if this broker cannot open it."""
        return self._sealed.read(sealed, _place(id))


class SqlOutbox:
    """The outbox in SQL."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._notices = Notices(sealer)
        c = notices.c
        now = bindparam("now", type_=Double)
        waiting = and_(c.sent.is_(None), c.sealed.is_not(None), c.expires > now, c.claimed_until <= now)
        first = (
            select(c.id)
            .where(waiting)
            .order_by(c.created)
            .limit(bindparam("limit", type_=BigInteger))
            .with_for_update(skip_locked=True)
        )
        claimed = (
            update(notices)
            .where(c.id.in_(first))
            .values(claimed_until=bindparam("until", type_=Double), tries=c.tries + 1)
        )
        mine = c.id == bindparam("id", type_=Text)
        self._claim = database.prepare(claimed.returning(c.id, c.created, c.sealed))
        self._sent = database.prepare(update(notices).where(mine, c.sent.is_(None)).values(sent=now, sealed=null()))
        self._sweep = database.prepare(
            update(notices).where(c.sealed.is_not(None), c.expires <= now).values(sealed=null())
        )

    async def claim(self, now: float, until: float, limit: int) -> Sequence[Notice]:
        """Notices not yet sent, not expired and not claimed until later than `now`, the oldest first; claims them."""
        rows = await self._database.perform(self._claim, {"now": now, "until": until, "limit": limit})
        found = [self._notices.notice(row[0], row[2]) for row in sorted(rows, key=lambda row: row[1])]
        return [notice for notice in found if notice is not None]

    async def sent(self, id: str, now: float) -> None:
        """The notice went out: its address and fields are erased."""
        await self._database.perform(self._sent, {"id": id, "now": now})

    async def sweep(self, now: float) -> None:
        """Erases address and fields of notices that expired unsent."""
        await self._database.perform(self._sweep, {"now": now})
