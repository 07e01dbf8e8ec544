"""Drafts of staff: what was typed into a form that was refused. The content is sealed."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Double, LargeBinary, Text, bindparam, delete, select

from broker.crypto.seal import Sealer
from broker.model.staff import StaffDraft
from broker.stores.record_codec import RecordCodec, SealedCodec
from broker.stores.sql.case_tables import staff_drafts
from broker.stores.sql.database import Database

_KEY: Final = ("member", "case_id", "form")


class SqlStaffDrafts:
    """Drafts of staff in SQL."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._drafts = SealedCodec(sealer, RecordCodec(StaffDraft))
        d = staff_drafts.c
        key = {name: bindparam(name, type_=Text) for name in _KEY}
        content = {"expires": bindparam("expires", type_=Double), "sealed": bindparam("sealed", type_=LargeBinary)}
        written = database.upsert(staff_drafts).values(**key, **content)
        self._keep = database.prepare(
            written.on_conflict_do_update(index_elements=list(_KEY), set_=content).returning(d.form)
        )
        of_case = (d.member == key["member"], d.case_id == key["case_id"])
        live = d.expires > bindparam("now", type_=Double)
        self._of_case = database.prepare(select(d.form, d.sealed).where(*of_case, live).order_by(d.form))
        self._discard = database.prepare(delete(staff_drafts).where(*of_case, d.form == key["form"]).returning(d.form))

    async def keep(self, draft: StaffDraft) -> None:
        """Writes a draft in place of an earlier one of the same form."""
        values = {"member": draft.member, "case_id": draft.case, "form": draft.form, "expires": draft.expires}
        sealed = self._drafts.write(draft, _place(draft.member, draft.case, draft.form))
        await self._database.perform(self._keep, {**values, "sealed": sealed})

    async def of_case(self, member: str, case_id: str, now: float) -> Sequence[StaffDraft]:
        """Returns the drafts of a member of staff for a case that have not expired, by form."""
        values: Mapping[str, object] = {"member": member, "case_id": case_id, "now": now}
        rows = await self._database.query(self._of_case, values)
        found = (self._drafts.read(sealed, _place(member, case_id, form)) for form, sealed in rows)
        return [draft for draft in found if draft is not None]

    async def discard(self, member: str, case_id: str, form: str) -> None:
        """Deletes a draft."""
        await self._database.perform(self._discard, {"member": member, "case_id": case_id, "form": form})


def _place(member: str, case_id: str, form: str) -> str:
    return f"staff_drafts:{member}:{case_id}:{form}"
