"""Drafts: nothing that staff typed is lost when a form is refused, by an old sign-in, a lapsed lease or an error."""

from collections.abc import Mapping
from typing import Final

from broker.actions.assisted.context import CaseContext, load_case
from broker.assisted.codes import lint_note
from broker.model.staff import StaffDraft

DRAFT_LIFE: Final = 12 * 3600
"""How long (seconds) a draft is kept."""

LONGEST: Final = 20_000
"""Characters of a draft at most. No form of the console takes more."""

LINTED: Final = ("note", "message")
"""Fields that are refused, and not kept, if they seem to hold a secret."""


async def keep_draft(context: CaseContext, member: str, case_id: str, form: str, fields: Mapping[str, str]) -> None:
    """Keeps what a member of staff typed into a form of a case that is open or has a complaint, except texts that seem
    to hold a secret.
    """
    case = await load_case(context, case_id)
    kept = {
        name: value for name, value in fields.items() if value and not (name in LINTED and lint_note(value) is not None)
    }
    if case is None or not (case.open or case.complaint) or not kept or sum(map(len, kept.values())) > LONGEST:
        return
    expires = context.system.now() + DRAFT_LIFE
    await context.stores.drafts.keep(StaffDraft(member, case_id, form, kept, expires))


async def drafts_of(context: CaseContext, member: str, case_id: str) -> Mapping[str, Mapping[str, str]]:
    """The drafts of a member of staff for a case: the fields by form."""
    found = await context.stores.drafts.of_case(member, case_id, context.system.now())
    return {draft.form: draft.fields for draft in found}


async def discard_draft(context: CaseContext, member: str, case_id: str, form: str) -> None:
    """Deletes the draft of a form that was saved."""
    await context.stores.drafts.discard(member, case_id, form)
