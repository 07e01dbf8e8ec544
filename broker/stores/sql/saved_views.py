"""Views of lists that staff saved, sealed: one row for each member of staff."""

from typing import Final

from sqlalchemy import Double, LargeBinary, Text, bindparam, select

from broker.crypto.seal import Sealer
from broker.model.staff import SavedViews
from broker.stores.record_codec import RecordCodec, SealedCodec
from broker.stores.sql.case_tables import saved_views
from broker.stores.sql.database import Database

_member: Final = bindparam("member", type_=Text)


class SqlSavedViews:
    """Saved views in SQL."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._views = SealedCodec(sealer, RecordCodec(SavedViews))
        columns = {
            "changed": bindparam("changed", type_=Double),
            "sealed": bindparam("sealed", type_=LargeBinary),
        }
        written = database.upsert(saved_views).values(member=_member, **columns)
        self._save = database.prepare(
            written.on_conflict_do_update(index_elements=["member"], set_=columns).returning(saved_views.c.member)
        )
        self._load = database.prepare(select(saved_views.c.sealed).where(saved_views.c.member == _member))

    async def load(self, member: str) -> SavedViews:
        """The views of a member of staff; none if they saved none, or if the record cannot be opened."""
        rows = await self._database.query(self._load, {"member": member})
        found = self._views.read(rows[0][0], _place(member)) if rows else None
        return SavedViews() if found is None else found

    async def save(self, member: str, views: SavedViews, now: float) -> None:
        """Writes the views of a member of staff in place of those of before."""
        sealed = self._views.write(views, _place(member))
        await self._database.perform(self._save, {"member": member, "changed": now, "sealed": sealed})


def _place(member: str) -> str:
    return f"saved_views:{member}"
