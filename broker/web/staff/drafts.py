"""Drafts in the console: what was typed into a form that was refused is kept on the server and filled in again.

A URL never contains what was typed.
"""

from collections.abc import Mapping
from typing import Final

from broker.actions.assisted.drafts import discard_draft, drafts_of, keep_draft
from broker.actions.assisted.staff_results import ActionRefused, CaseView, EditRefused
from broker.assisted.profiles import Profiles
from broker.assisted.transitions import TransitionRefused
from broker.web.citizens.failure_texts import marked
from broker.web.shared.i18n import Language
from broker.web.shared.pages import in_language
from broker.web.staff.form_names import form_name, typed_fields
from broker.web.staff.request import StaffPage

_TITLES: Final[Mapping[str, str]] = {
    "contact": marked("Reach the citizen"),
    "message": marked("Write to the citizen"),
    "decision": marked("Decide"),
    "view": marked("My own view"),
    "review": marked("Agree or disagree"),
    "person": marked("Checks of the person"),
    "details": marked("Details, as the evidence shows them"),
}
_NOTHING_TO_KEEP: Final = (
    ActionRefused.UNKNOWN,
    ActionRefused.NOT_ALLOWED,
    TransitionRefused.SAME_PERSON,
)


async def keep_or_discard(req: StaffPage, done: CaseView | EditRefused, form: Mapping[str, str]) -> None:
    """Keeps what was typed into the form of this request if the action was refused; discards the draft if not."""
    name = form_name(req.visit.path, form.get("kind", ""))
    if not name:
        return
    context, member = req.cases.context, req.member.id
    if isinstance(done, CaseView):
        await discard_draft(context, member, req.id, name)
    elif done not in _NOTHING_TO_KEEP:
        await keep_draft(context, member, req.id, name, typed_fields(form))


async def drop(req: StaffPage, name: str) -> None:
    """Discards the draft of a form."""
    await discard_draft(req.cases.context, req.member.id, req.id, name)


async def draft(req: StaffPage, name: str) -> Mapping[str, str] | None:
    """The draft of a form; None if there is none."""
    return (await drafts_of(req.cases.context, req.member.id, req.id)).get(name)


async def unsaved(req: StaffPage) -> Mapping[str, Mapping[str, str]]:
    """All drafts of the case."""
    return await drafts_of(req.cases.context, req.member.id, req.id)


def links(
    drafts: Mapping[str, Mapping[str, str]], base: str, profiles: Profiles, words: Language
) -> list[tuple[str, str]]:
    """Address and title of each form with a draft, except those on the page of the case itself."""
    found = []
    for name, fields in drafts.items():
        kind = profiles.kinds.get(fields.get("kind", ""))
        if name in _TITLES:
            found.append((f"{base}/{name}", words.text(_TITLES[name])))
        elif kind is not None and name.startswith("evidence/"):
            piece = name.split("/")[1]
            found.append((f"{base}/evidence/{piece}?kind={fields['kind']}", in_language(kind.text, words.code)))
    return found
