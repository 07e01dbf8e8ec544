"""The pages of the agent's decision and of the review: the independent review first, then the agent's verdict."""

from collections.abc import Mapping

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.staff_results import CaseView, StaffAction
from broker.assisted.case import Decision
from broker.assisted.transitions import TransitionRefused
from broker.web.citizens.failure_texts import marked
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate
from broker.web.staff.evidence_pages import framed
from broker.web.staff.labels import DECISIONS, WHY
from broker.web.staff.login import way_out
from broker.web.staff.request import StaffApp, StaffPage, redirect_to, staff, with_form
from broker.web.staff.responses import back_to_case, case_presenter, leave_case, load_case_view, ticked

VERDICTS: Mapping[str, str] = {
    "agree": marked("I agree: the citizen can take the identity up"),
    "disagree": marked("I disagree: a lead has to look at it"),
}
_GIVEN = {"why": WHY, "decisions": {decision.value: texts for decision, texts in DECISIONS.items()}}
SHEETS = (
    PageTemplate("decision", "staff/decision.html", _GIVEN),
    PageTemplate("view", "staff/view.html", _GIVEN),
    PageTemplate("review", "staff/review.html", {"why": WHY, "verdicts": VERDICTS}),
    PageTemplate("prove", "staff/prove.html", {"why": WHY}),
)
_REFUSED: Mapping[TransitionRefused, str] = {
    TransitionRefused.NO_LEVEL: marked(
        "“Approve” is not offered: the evidence does not support the level that was asked."
    ),
    TransitionRefused.NO_DETAILS: marked("“Approve” is not offered: the details are not recorded yet."),
    TransitionRefused.WORDS_FIRST: marked("“Approve” is not offered: the two words were not exchanged."),
    TransitionRefused.ENOUGH_ASKED: marked(
        "“Ask for more evidence” is not offered: it was asked for too often already."
    ),
}
"""Why a decision is not offered, by the refusal of the rules."""


def deciding_routes(door: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/cases/{case}/decision", staff(door, decision), methods=["GET"]),
        Route("/cases/{case}/decision", staff(door, with_form(decide)), methods=["POST"]),
        Route("/cases/{case}/view", staff(door, view), methods=["GET"]),
        Route("/cases/{case}/view", staff(door, with_form(give_view)), methods=["POST"]),
        Route("/cases/{case}/review", staff(door, review), methods=["GET"]),
        Route("/cases/{case}/review", staff(door, with_form(give_review)), methods=["POST"]),
        Route("/cases/{case}/prove", staff(door, prove), methods=["GET"]),
    ]


async def _open(here: StaffPage, deed: StaffAction, template: str) -> CaseView | Response:
    """The view of the case if it allows the action; the page that asks for a new sign-in if the last one is too old."""
    found = await load_case_view(here)
    if isinstance(found, Response):
        return found
    if deed not in found.actions:
        return redirect_to(here.base, problem="not_now")
    if here.app.system.now() >= here.principal.fresh_until:
        return here.visit.page(
            "prove", frame=framed(found, case_presenter(here)), go=way_out(f"{here.base}/{template}")
        )
    return found


async def prove(here: StaffPage) -> Response:
    """The page that asks for a new sign-in and leads back to the case."""
    found = await load_case_view(here)
    if isinstance(found, Response):
        return found
    return here.visit.page("prove", frame=framed(found, case_presenter(here)), go=way_out(here.base))


def _form(here: StaffPage, to: str, barred: Mapping[str, str], submit: str) -> dict[str, object]:
    asked = here.visit.query
    return {
        "to": f"{here.base}/{to}",
        "barred": barred,
        "chosen": asked.get("decision", ""),
        "picked": frozenset(asked.get("reasons", "").split()),
        "submit": submit,
        "fresh": here.visit.language.format_time(here.principal.fresh_until, here.app.system.now()),
    }


def _refused(found: CaseView, words: Language) -> dict[str, str]:
    """The decisions that are not offered now, with the reason."""
    return {decision.value: words.text(_REFUSED[why]) for decision, why in found.refused_decisions.items()}


def _kept(chosen: str, picked: tuple[str, ...]) -> dict[str, str]:
    """The choices with which a form is filled again. A note is never put into a URL."""
    return {"decision": chosen, "reasons": " ".join(picked)} if picked else {"decision": chosen}


async def decision(here: StaffPage) -> Response:
    """The form of the agent's decision."""
    found = await _open(here, StaffAction.DECIDE, "decision")
    if isinstance(found, Response):
        return found
    words = here.visit.language
    form = _form(here, "decision", _refused(found, words), words.text("Decide"))
    return here.visit.page("decision", frame=framed(found, case_presenter(here)) | form)


async def decide(here: StaffPage, form: Mapping[str, str]) -> Response:
    """Records the agent's decision."""
    chosen = form.get("decision", "")
    if chosen not in {one.value for one in Decision}:
        return redirect_to(f"{here.base}/decision", problem="choice")
    picked, note = ticked(form, chosen), form.get("note", "").strip()
    done = await here.cases.decide(here.principal, here.ref(form), Decision(chosen), picked, note)
    return leave_case(here, done, "decided", f"{here.base}/decision", **_kept(chosen, picked))


async def view(here: StaffPage) -> Response:
    """The form of the independent review, before the reviewer sees the agent's verdict."""
    found = await _open(here, StaffAction.INDEPENDENT_REVIEW, "view")
    if isinstance(found, Response):
        return found
    tell, words = case_presenter(here), here.visit.language
    return here.visit.page(
        "view",
        frame=framed(found, tell) | _form(here, "view", {}, words.text("Write it down")),
        evidence=tell.evidence(found.case, found.assessment),
        person=tell.answers(found.case.checks),
        claims=tell.claims(found.case),
    )


async def give_view(here: StaffPage, form: Mapping[str, str]) -> Response:
    """Records the independent review."""
    chosen = form.get("decision", "")
    if chosen not in {one.value for one in Decision}:
        return redirect_to(f"{here.base}/view", problem="choice")
    picked, note = ticked(form, chosen), form.get("note", "").strip()
    done = await here.cases.record_independent_review(here.principal, here.ref(form), Decision(chosen), picked, note)
    return back_to_case(here, done, f"{here.base}/view", **_kept(chosen, picked))


async def review(here: StaffPage) -> Response:
    """The form on which the reviewer agrees or disagrees with the agent's verdict."""
    found = await _open(here, StaffAction.REVIEW, "review")
    if isinstance(found, Response):
        return found
    case, tell = found.case, case_presenter(here)
    if case.verdict is None or case.independent_review is None:
        return redirect_to(here.base, problem="not_now")
    return here.visit.page(
        "review",
        frame=framed(found, tell) | _form(here, "review", {}, ""),
        verdict=tell.verdict(case.verdict),
        own_view=tell.verdict(case.independent_review),
    )


async def give_review(here: StaffPage, form: Mapping[str, str]) -> Response:
    """Records if the reviewer agrees."""
    chosen = form.get("decision", "")
    if chosen not in VERDICTS:
        return redirect_to(f"{here.base}/review", problem="choice")
    picked, note = ticked(form, chosen), form.get("note", "").strip()
    done = await here.cases.review_verdict(here.principal, here.ref(form), picked, note, agrees=chosen == "agree")
    return leave_case(here, done, "reviewed", f"{here.base}/review", **_kept(chosen, picked))
