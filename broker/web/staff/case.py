"""The page of a case, and the forms on it that lead back to it."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.staff_results import ActionRefused, CaseRole, CaseView, StaffAction
from broker.assisted.case_records import Channel
from broker.assisted.guide import ScriptStep
from broker.assisted.transitions import TransitionRefused
from broker.model.backchannel_request import BackchannelRequest
from broker.web.citizens.failure_texts import marked
from broker.web.shared.pages import PageTemplate, in_language
from broker.web.staff.case_presenter import CasePresenter
from broker.web.staff.contact_pages import attempt_rows
from broker.web.staff.device_prompts import prompt_status
from broker.web.staff.drafts import drop, keep_or_discard, links, unsaved
from broker.web.staff.evidence_view import answer_rows, evidence_rows
from broker.web.staff.guide_pages import script_lines
from broker.web.staff.intake_view import first_kind, intake_rows
from broker.web.staff.labels import CHANNELS, WHY, two_people
from broker.web.staff.lead_actions import lead_actions
from broker.web.staff.request import FormHandler, StaffApp, StaffPage, local_path, redirect_to, staff, with_form
from broker.web.staff.responses import back_to_case, case_presenter, leave_case, load_case_view, outcome_page, refuse
from broker.web.staff.sent_notices import notices_of_case
from broker.web.staff.shown_files import shown_files
from broker.web.staff.threads import thread_rows

SHEETS = (PageTemplate("case", "staff/case.html", {"why": WHY, "channels": {c.value: t for c, t in CHANNELS.items()}}),)

HEADINGS: Mapping[str, str] = {
    "claimed": marked("Meet the citizen"),
    "session": marked("In session"),
    "decision": marked("Look it over and decide"),
    "review": marked("Review"),
    "other": marked("How this case stands"),
}


_SCRIPTS: Mapping[str, ScriptStep] = {
    "claimed": ScriptStep.CLAIMED,
    "session": ScriptStep.SESSION,
    "decision": ScriptStep.DECISION,
    "review": ScriptStep.REVIEW,
}
"""The script on the page of a case, by its step."""


def case_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    steps: Mapping[str, FormHandler] = {
        "renew": renew_lease,
        "start": start_session,
        "words": verify_phrase,
        "passkey": confirm_passkey,
        "former": compare_former,
        "end": end_session,
        "drop": drop_session,
        "put-back": return_to_queue,
        "interest": declare_interest,
        "flag": raise_flag,
        "note": add_note,
        "correct": correct_decision,
        "answer": answer_complaint,
        "ask": ask_citizen,
    }
    return [
        Route("/cases/{case}", staff(app, show_case), methods=["GET"]),
        *(
            Route(f"/cases/{{case}}/{name}", staff(app, with_form(step)), methods=["POST"])
            for name, step in steps.items()
        ),
        Route("/cases/{case}/lapsed", staff(app, show_lapsed), methods=["GET"]),
        Route("/cases/{case}/overtaken", staff(app, show_conflict), methods=["GET"]),
        Route("/done/{what}", staff(app, show_result), methods=["GET"]),
    ]


async def show_case(req: StaffPage) -> Response:
    """The page of the case as this member of staff may see it."""
    found = await load_case_view(req)
    if isinstance(found, Response):
        return found
    tell, case, questions = case_presenter(req), found.case, await req.cases.questions(found)
    drafts = await unsaved(req)
    step = tell.step(found)
    code, may_record = tell.language.code, StaffAction.RECORD in found.actions
    seen = found.role is not CaseRole.VISITOR
    return req.visit.page(
        "case",
        frame={"script": script_lines(tell, _SCRIPTS.get(step), case)},
        intake=intake_rows(tell, found),
        failures=await _failures(req, found, tell),
        messages=await notices_of_case(req),
        stopped="" if case.frozen is None else tell.language.format_time(case.frozen, tell.now),
        case=tell.case(found, tell.language.text(HEADINGS[step])),
        level=tell.level(case, found.assessment) if seen and step != "claimed" else None,
        evidence=evidence_rows(tell, case, found.assessment, f"{req.base}/evidence" if may_record else ""),
        person=answer_rows(tell, case.checks),
        claims=tell.claims(case),
        kinds=[(word, in_language(kind.text, code)) for word, kind in req.app.profiles.kinds.items() if kind.by_staff],
        first_kind=first_kind(case, req.app.profiles),
        prompts=prompt_status(questions, tell),
        may_ask=StaffAction.ASK_CITIZEN in found.actions and not any(one.is_pending(tell.now) for one in questions),
        details_first=not case.details.claims,
        confirm_at=req.app.confirm_url.partition("://")[2],
        why_second=two_people(case.second_review_reasons, tell.language),
        verdict=None if case.verdict is None else tell.verdict(case.verdict),
        own_view=None if case.independent_review is None else tell.verdict(case.independent_review),
        readable=seen and not case.erased,
        story=tell.story(found),
        acts=lead_actions(found, req),
        history=tell.history(case, req.app.members) if found.role is CaseRole.OVERSEER else [],
        notes=tell.notes(case, req.app.members),
        files=await shown_files(req, case),
        threads=thread_rows(case, req, tell),
        attempts=attempt_rows(case, req, tell),
        typed_question=drafts.get("ask-lead", {}).get("note", ""),
        typed_reply=drafts.get("answer-question", {}).get("note", ""),
        unsaved=links(drafts, req.base, req.app.profiles, tell.language),
        complaint=found.case.complaint,
        typed_answer=drafts.get("answer", {}).get("note", ""),
        typed_note=drafts.get("note", {}).get("note", ""),
        typed_message=drafts.get("ask", {}).get("message", ""),
    )


async def _failures(req: StaffPage, found: CaseView, tell: CasePresenter) -> list[str]:
    """For the agent: the sign-ins of the same reference that failed before the citizen asked for help."""
    if found.role is not CaseRole.AGENT:
        return []
    failures = await req.cases.context.stores.sign_in_failures.by_reference(found.case.reference, tell.now)
    return [
        " · ".join(
            filter(
                None,
                (
                    tell.language.format_time(one.at, tell.now),
                    one.failure.replace("_", " ").capitalize(),
                    one.reason.replace("_", " "),
                    one.provider,
                ),
            )
        )
        for one in failures
    ]


async def renew_lease(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Extends the lease."""
    done = await req.cases.renew(req.principal, req.id)
    return await back_to_case(req, done, form, confirmation="renewed")


async def start_session(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Starts the session. If both words were right already, that is recorded with the same press."""
    word = form.get("channel", "")
    if word not in {channel.value for channel in Channel}:
        return redirect_to(req.base, problem="choice")
    done = await req.cases.start_session(req.principal, req.ref(form), Channel(word))
    if form.get("words") == "right" and isinstance(done, CaseView):
        done = await req.cases.verify_phrase(req.principal, done.ref)
    return await back_to_case(req, done, form, confirmation="", goes_on=True)


async def verify_phrase(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Records that the phrase was verified."""
    done = await req.cases.verify_phrase(req.principal, req.ref(form))
    return await back_to_case(req, done, form, goes_on=True)


async def confirm_passkey(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Records that the passkey is the citizen's."""
    done = await req.cases.confirm_passkey(req.principal, req.ref(form), form.get("passkey", ""))
    return await back_to_case(req, done, form)


async def compare_former(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Compares what is kept of the citizen with what was recorded."""
    done = await req.cases.compare_former(req.principal, req.ref(form), stolen=form.get("stolen") == "yes")
    return await back_to_case(req, done, form)


async def end_session(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Ends the session."""
    return await back_to_case(req, await req.cases.end_session(req.principal, req.ref(form)), form, confirmation="")


async def drop_session(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Returns a case whose session broke off."""
    reason = form.get("reason", "")
    return await leave_case(req, await req.cases.drop_session(req.principal, req.ref(form), reason), form, "back")


async def return_to_queue(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Returns the case to the queue."""
    reason = form.get("reason", "")
    return await leave_case(req, await req.cases.return_to_queue(req.principal, req.ref(form), reason), form, "back")


async def declare_interest(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Declares that the member of staff knows the citizen."""
    return await leave_case(req, await req.cases.declare_interest(req.principal, req.id), form, "stranger")


async def raise_flag(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Raises a silent flag from any page of the case and leads back to it."""
    done = await req.cases.flag(req.principal, req.id, form.get("reason", ""))
    back = local_path(form.get("back", req.base))
    return redirect_to(back, told="noted") if isinstance(done, CaseView) else refuse(req, done, back)


async def add_note(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Adds a note."""
    done = await req.cases.note(req.principal, req.id, form.get("note", ""))
    return await back_to_case(req, done, form, confirmation="noted")


async def correct_decision(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Takes a decision back that has not taken effect."""
    return await back_to_case(req, await req.cases.correct(req.principal, req.ref(form)), form, confirmation="")


async def answer_complaint(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Answers the citizen's complaint."""
    done = await req.cases.answer_complaint(req.principal, req.ref(form), form.get("note", ""))
    return await back_to_case(req, done, form)


async def ask_citizen(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Asks the citizen to confirm on their own device."""
    done = await req.cases.ask_citizen(req.principal, req.ref(form), form.get("message", ""))
    if isinstance(done, BackchannelRequest):
        await drop(req, "ask")
        return redirect_to(req.base, told="asked")
    await keep_or_discard(req, done, form)
    match done:
        case TransitionRefused.NO_DETAILS:
            return redirect_to(req.base, problem="details_first")
        case ActionRefused.NOTE:
            return redirect_to(req.base, problem="message")
        case _:
            return refuse(req, done, req.base)


async def show_lapsed(req: StaffPage) -> Response:
    """The page after the lease expired."""
    return outcome_page(req, "lapsed", req.id)


async def show_conflict(req: StaffPage) -> Response:
    """The page after a conflict with another write."""
    return outcome_page(req, "overtaken", req.id)


async def show_result(req: StaffPage) -> Response:
    """The page after an action with which the case left its holder."""
    what = req.visit.request.path_params["what"]
    if what not in ("decided", "reviewed", "back", "missed", "stranger", "settled"):
        raise HTTPException(404)
    return outcome_page(req, what)
