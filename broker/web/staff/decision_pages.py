"""The pages of the agent's decision and of the review: the independent review first, then the agent's verdict."""

from collections.abc import Mapping

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.staff_results import ActionRefused, CaseView, StaffAction
from broker.assisted.case_records import Decision
from broker.assisted.guide import ScriptStep
from broker.assisted.transitions import TransitionRefused
from broker.web.citizens.failure_texts import marked
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate, in_language
from broker.web.staff.case_presenter import CasePresenter
from broker.web.staff.drafts import draft, keep_or_discard
from broker.web.staff.evidence_pages import framed
from broker.web.staff.evidence_view import answer_rows, evidence_rows
from broker.web.staff.labels import DECISIONS, WHY
from broker.web.staff.login import sign_in_link
from broker.web.staff.request import StaffApp, StaffPage, redirect_to, staff, with_form
from broker.web.staff.responses import back_to_case, case_presenter, leave_case, load_case_view, ticked
from broker.web.staff.shown_files import shown_files

VERDICTS: Mapping[str, tuple[str, ...]] = {
    "agree": (
        marked("I agree: the citizen can take the identity up"),
        marked("I agree: the citizen reads that it could not be confirmed"),
    ),
    "disagree": (marked("I disagree: a lead has to look at it"),),
}
"""The answers of a review; of two texts the first is for an approval, the second for a decline."""
_GIVEN = {"why": WHY, "decisions": {decision.value: texts for decision, texts in DECISIONS.items()}}
SHEETS = (
    PageTemplate("decision", "staff/decision.html", {**_GIVEN, "asks_kinds": True}),
    PageTemplate("view", "staff/view.html", {**_GIVEN, "asks_kinds": False}),
    PageTemplate("review", "staff/review.html", {"why": WHY, "verdicts": VERDICTS}),
    PageTemplate("prove", "staff/prove.html", {"why": WHY}),
)
_REFUSED: Mapping[TransitionRefused, str] = {
    TransitionRefused.NO_LEVEL: marked(
        "“Approve” is not offered: the evidence does not support the level that was asked."
    ),
    TransitionRefused.NO_DETAILS: marked("“Approve” is not offered: the details are not recorded yet."),
    TransitionRefused.WORDS_FIRST: marked(
        "“Approve” is not offered: the two words were not exchanged, or the video was not confirmed."
    ),
    TransitionRefused.FORMER_FIRST: marked("“Approve” is not offered: what we keep was not compared."),
    TransitionRefused.ENOUGH_ASKED: marked(
        "“Ask for more evidence” is not offered: it was asked for too often already."
    ),
}
"""Why a decision is not offered, by the refusal of the rules."""


def deciding_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/cases/{case}/decision", staff(app, decision), methods=["GET"]),
        Route("/cases/{case}/decision", staff(app, with_form(decide)), methods=["POST"]),
        Route("/cases/{case}/view", staff(app, view), methods=["GET"]),
        Route("/cases/{case}/view", staff(app, with_form(give_view)), methods=["POST"]),
        Route("/cases/{case}/review", staff(app, review), methods=["GET"]),
        Route("/cases/{case}/review", staff(app, with_form(give_review)), methods=["POST"]),
        Route("/cases/{case}/prove", staff(app, prove), methods=["GET"]),
    ]


async def _open(req: StaffPage, deed: StaffAction, template: str) -> CaseView | Response:
    """The view of the case if it allows the action; the page that asks for a new sign-in if the last one is too old."""
    view = await load_case_view(req)
    if isinstance(view, Response):
        return view
    if deed not in view.actions:
        return redirect_to(req.base, problem="not_now")
    if req.app.system.now() >= req.principal.fresh_until:
        return req.visit.page(
            "prove",
            frame=framed(view, case_presenter(req)) | {"switches": True},
            sign_in_url=sign_in_link(f"{req.base}/{template}"),
        )
    return view


async def prove(req: StaffPage) -> Response:
    """The page that asks for a new sign-in and leads back to the case."""
    view = await load_case_view(req)
    if isinstance(view, Response):
        return view
    return req.visit.page(
        "prove", frame=framed(view, case_presenter(req)) | {"switches": True}, sign_in_url=sign_in_link(req.base)
    )


async def _form(req: StaffPage, to: str, barred: Mapping[str, str], submit: str) -> dict[str, object]:
    typed = await draft(req, to)
    given = {} if typed is None else typed
    chosen = given.get("decision", "")
    return {
        "to": f"{req.base}/{to}",
        "barred": barred,
        "chosen": chosen,
        "picked": frozenset(ticked(given, chosen)),
        "wanted": frozenset(ticked(given, "wanted")),
        "kinds": [
            (word, in_language(kind.text, req.visit.language.code))
            for word, kind in req.app.profiles.kinds.items()
            if kind.by_staff
        ],
        "note": given.get("note", ""),
        "submit": submit,
        "fresh": req.visit.language.format_time(req.principal.fresh_until, req.app.system.now()),
        "restored": typed is not None,
    }


def _refused(view: CaseView, words: Language) -> dict[str, str]:
    """The decisions that are not offered now, with the reason."""
    return {decision.value: words.text(_REFUSED[why]) for decision, why in view.refused_decisions.items()}


async def _recorded(req: StaffPage, view: CaseView, tell: CasePresenter) -> dict[str, object]:
    """What was recorded and sent, beside the form that decides about it."""
    return {
        "files": await shown_files(req, view.case),
        "evidence": evidence_rows(tell, view.case, view.assessment),
        "person": answer_rows(tell, view.case.checks),
        "claims": tell.claims(view.case),
    }


async def _choose_first(req: StaffPage, form: Mapping[str, str], to: str) -> Response:
    """The form again, since none of its answers was chosen."""
    await keep_or_discard(req, ActionRefused.REASON, form)
    return redirect_to(f"{req.base}/{to}", problem="choice")


async def decision(req: StaffPage) -> Response:
    """The form of the agent's decision."""
    view = await _open(req, StaffAction.DECIDE, "decision")
    if isinstance(view, Response):
        return view
    words = req.visit.language
    form, tell = await _form(req, "decision", _refused(view, words), words.text("Decide")), case_presenter(req)
    recorded = await _recorded(req, view, tell)
    return req.visit.page("decision", frame=framed(view, tell, ScriptStep.DECISION) | form | recorded)


async def decide(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Records the agent's decision."""
    chosen = form.get("decision", "")
    if chosen not in {one.value for one in Decision}:
        return await _choose_first(req, form, "decision")
    picked, note = ticked(form, chosen), form.get("note", "").strip()
    wanted = ticked(form, "wanted")
    done = await req.cases.decide(req.principal, req.ref(form), Decision(chosen), picked, note, wanted)
    return await leave_case(req, done, form, "decided", f"{req.base}/decision")


async def view(req: StaffPage) -> Response:
    """The form of the independent review, before the reviewer sees the agent's verdict."""
    view = await _open(req, StaffAction.INDEPENDENT_REVIEW, "view")
    if isinstance(view, Response):
        return view
    tell, words = case_presenter(req), req.visit.language
    return req.visit.page(
        "view",
        frame=framed(view, tell, ScriptStep.REVIEW)
        | await _form(req, "view", {}, words.text("Write it down"))
        | await _recorded(req, view, tell),
    )


async def give_view(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Records the independent review."""
    chosen = form.get("decision", "")
    if chosen not in {one.value for one in Decision}:
        return await _choose_first(req, form, "view")
    picked, note = ticked(form, chosen), form.get("note", "").strip()
    done = await req.cases.record_independent_review(req.principal, req.ref(form), Decision(chosen), picked, note)
    return await back_to_case(req, done, form, f"{req.base}/view")


async def review(req: StaffPage) -> Response:
    """The form on which the reviewer agrees or disagrees with the agent's verdict."""
    view = await _open(req, StaffAction.REVIEW, "review")
    if isinstance(view, Response):
        return view
    case, tell = view.case, case_presenter(req)
    if case.verdict is None or case.independent_review is None:
        return redirect_to(req.base, problem="not_now")
    return req.visit.page(
        "review",
        frame=framed(view, tell) | await _form(req, "review", {}, "") | await _recorded(req, view, tell),
        verdict=tell.verdict(case.verdict),
        own_view=tell.verdict(case.independent_review),
        declined=case.verdict.decision is Decision.DECLINE,
    )


async def give_review(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Records if the reviewer agrees."""
    chosen = form.get("decision", "")
    if chosen not in VERDICTS:
        return await _choose_first(req, form, "review")
    picked, note = ticked(form, chosen), form.get("note", "").strip()
    done = await req.cases.review_verdict(req.principal, req.ref(form), picked, note, agrees=chosen == "agree")
    return await leave_case(req, done, form, "reviewed", f"{req.base}/review")
