"""Links by which a person stops an identity: written with the case, and used once."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Double, Text, bindparam, null, select, update

from broker.assisted.case_row import CaseFlag
from broker.assisted.case_states import CaseState
from broker.crypto.seal import Sealer
from broker.model.freeze_link import FreezeLink, LinkState
from broker.stores.record_codec import RecordCodec, SealedCodec
from broker.stores.sql.case_tables import cases, freeze_links
from broker.stores.sql.database import Database, InsertRows, UnitOfWork

_now: Final = bindparam("now", type_=Double)


def links_written() -> InsertRows:
    """The step of an atomic write that inserts the links in the parameter `freeze_links`."""
    return InsertRows(freeze_links, "freeze_links", ("digest", "case_id", "created", "expires", "sealed"))


class FreezeLinkRows:
    """Sealing of links: the addresses that get notices of what was done with them."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealed = SealedCodec(sealer, RecordCodec(FreezeLink))

    def rows(self, links: Sequence[FreezeLink]) -> Sequence[Mapping[str, object]]:
        """The parameter `freeze_links` of the step."""
        return [
            {
                "digest": link.digest,
                "case_id": link.case,
                "created": link.created,
                "expires": link.expires,
                "sealed": self._sealed.write(link, f"freeze_links:{link.digest}"),
            }
            for link in links
        ]

    def read(self, digest: str, sealed: bytes) -> FreezeLink | None:
        """A link from its row, or None if it cannot be opened."""
        return self._sealed.read(sealed, f"freeze_links:{digest}")


class SqlFreezeLinks:
    """Unused links in SQL."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._rows = FreezeLinkRows(sealer)
        c = freeze_links.c
        alive = (c.digest == bindparam("digest", type_=Text), c.expires > _now)
        unused = (*alive, c.used.is_(None))
        self._find = database.prepare(select(c.digest, c.sealed).where(*unused))
        k, with_case = cases.c, freeze_links.outerjoin(cases, cases.c.id == c.case_id)
        self._state = database.prepare(select(c.used, k.state, k.flags).select_from(with_case).where(*alive))
        self._use = database.prepare(
            update(freeze_links).where(*unused).values(used=_now, sealed=null()).returning(c.digest)
        )

    async def load(self, digest: str, now: float) -> FreezeLink | None:
        """The link with this digest; None if it is unknown, used or expired at `now`. One round trip."""
        rows = await self._database.query(self._find, {"digest": digest, "now": now})
        return self._rows.read(*rows[0]) if rows else None

    async def state(self, digest: str, now: float) -> LinkState:
        """Whether the link with this digest can be used at `now`, or what became of the identity. One round trip."""
        rows = await self._database.query(self._state, {"digest": digest, "now": now})
        if not rows:
            return LinkState.GONE
        used, state, flags = rows[0]
        if used is None:
            return LinkState.USABLE
        if state == CaseState.REVOKED:
            return LinkState.REVOKED
        return LinkState.USED if CaseFlag.FROZEN in CaseFlag(flags or 0) else LinkState.RELEASED

    async def use(self, unit: UnitOfWork, digest: str, now: float) -> bool:
        """Uses a link within the caller's transaction, and erases its addresses. Of two callers one gets True."""
        return bool(await unit.run(self._use, {"digest": digest, "now": now}))
