"""Made-up cases in the console: asking for them, answering one as if it were real, and how the answers compare."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from broker.actions.assisted.staff_results import ActionRefused
from broker.actions.quality.exercises import MOST, Calibration
from broker.assisted.calibration import Agreement, Exercise, ExerciseAnswer, MadeUpCase, check_name
from broker.assisted.case_records import CheckOutcome, Decision
from broker.model.staff import StaffMember, StaffRole
from broker.web.citizens.claim_labels import label, lines
from broker.web.citizens.failure_texts import marked
from broker.web.middleware.security_headers import SANDBOX
from broker.web.shared.pages import PageTemplate, in_language
from broker.web.staff.case_presenter import CasePresenter, ClaimRow
from broker.web.staff.evidence_view import EvidenceRow, made_up_row
from broker.web.staff.labels import DECISIONS, LEVELS, OUTCOMES, WHY, reasons
from broker.web.staff.request import StaffApp, StaffPage, edition, redirect_to, staff
from broker.web.staff.responses import case_presenter, outcome_page, ticked
from broker.web.staff.shown_files import ShownFile, made_up_file

_GIVEN: Final = {
    "why": WHY,
    "decisions": {decision.value: texts for decision, texts in DECISIONS.items()},
    "outcomes": {outcome.value: text for outcome, text in OUTCOMES.items()},
}
SHEETS = (
    PageTemplate("calibration", "staff/calibration.html"),
    PageTemplate("exercise", "staff/exercise.html", _GIVEN),
    PageTemplate("exercise-done", "staff/exercise_done.html"),
)
RIGHT: Final = marked("As expected")
WRONG: Final = marked("Not as expected")


@dataclass(frozen=True, slots=True)
class CheckLine:
    """A check of a made-up case. `given` and `right` are answers in words, once there are any."""

    name: str
    question: str
    given: str = ""
    right: str = ""
    agrees: bool = False


@dataclass(frozen=True, slots=True)
class PieceView:
    """A piece of evidence of a made-up case: as one of a real case, what can be seen, and photographs."""

    row: EvidenceRow
    seen: str
    checks: tuple[CheckLine, ...]
    files: tuple[ShownFile, ...]


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """How many answers of a member of staff, or about a kind of evidence, were as expected."""

    name: str
    right: int
    all: int
    share: str


@dataclass(frozen=True, slots=True)
class AnsweredRow:
    """An answered made-up case."""

    path: str
    at: str
    decision: str
    result: str


def calibration_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/calibration", staff(app, show_calibration), methods=["GET"]),
        Route("/calibration", staff(app, give), methods=["POST"]),
        Route("/tasks/{task}", staff(app, show_task), methods=["GET"]),
        Route("/tasks/{task}", staff(app, answer), methods=["POST"]),
        Route("/tasks/{task}/images/{place}/{number}", staff(app, show_image), methods=["GET"]),
    ]


def may_practise(member: StaffMember) -> bool:
    """Whether a member of staff works with made-up cases."""
    return member.may(StaffRole.AGENT, StaffRole.LEAD)


async def show_calibration(req: StaffPage) -> Response:
    """The made-up cases of the member of staff; for leads the agreement of all, and the form that gives some."""
    view = await Calibration(req.cases.context).overview(req.principal)
    if isinstance(view, ActionRefused):
        return outcome_page(req, "not-yours")
    lead = req.member.may(StaffRole.LEAD)
    return req.visit.page(
        "calibration",
        lead=lead,
        agents=[(one.id, one.name) for one in req.app.members.values() if one.may(StaffRole.AGENT)] if lead else (),
        may_ask=req.member.may(StaffRole.AGENT),
        waiting=view.waiting,
        own=[_answered(one, req) for one in view.own],
        members=[member_row(req, name, one) for name, one in view.members.items()],
        kinds=[kind_row(req, name, one) for name, one in view.kinds.items()],
        most=MOST,
    )


def member_row(req: StaffPage, member: str, agreement: Agreement) -> AgreementRow:
    """The agreement of a member of staff."""
    found = req.app.members.get(member)
    return _row(member if found is None else found.name, agreement)


def kind_row(req: StaffPage, kind: str, agreement: Agreement) -> AgreementRow:
    """The agreement about a kind of evidence."""
    found = req.app.profiles.kinds.get(kind)
    return _row(kind if found is None else in_language(found.text, req.visit.language.code), agreement)


def _row(name: str, agreement: Agreement) -> AgreementRow:
    return AgreementRow(name, agreement.right, agreement.all, f"{round(100 * agreement.right / agreement.all)} %")


def _answered(one: Exercise, req: StaffPage) -> AnsweredRow:
    words, given = req.visit.language, one.answer
    return AnsweredRow(
        f"/tasks/{one.id}",
        "" if one.answered is None else words.format_time(one.answered, req.app.system.now()),
        "" if given is None else words.text(DECISIONS[given.decision][0]),
        "" if given is None else words.text(RIGHT if given.right else WRONG),
    )


async def give(req: StaffPage) -> Response:
    """Gives an agent made-up cases."""
    form = await req.visit.form()
    if form is None:
        return redirect_to("/calibration", problem="again")
    to, count = req.app.members.get(form.get("to", req.member.id)), form.get("count", "1")
    if to is None or count not in map(str, range(1, MOST + 1)):
        return redirect_to("/calibration", problem="choice")
    done = await Calibration(req.cases.context).give(req.principal, to, int(count))
    match done:
        case ActionRefused.NOTHING:
            return redirect_to("/calibration", problem="enough")
        case ActionRefused():
            return outcome_page(req, "not-yours")
        case _:
            return redirect_to("/calibration", told="given")


async def show_task(req: StaffPage) -> Response:
    """A made-up case: as a case that waits for a decision, and how the answers compare once it is answered."""
    found = await Calibration(req.cases.context).look(req.principal, _task(req))
    if isinstance(found, ActionRefused):
        return outcome_page(req, "closed")
    (task, case), words, tell = found, req.visit.language, case_presenter(req)
    shared: dict[str, object] = {
        "path": f"/tasks/{task.id}",
        "story": in_language(case.story, words.code),
        "level": words.text(LEVELS[case.level]),
        "claims": _claims(case, tell),
        "pieces": [_piece(f"/tasks/{task.id}", place, case, task.answer, tell) for place in range(len(case.evidence))],
    }
    if task.answer is None:
        return req.visit.page("exercise", frame=shared)
    return req.visit.page("exercise-done", frame=shared | _compared(task.answer, case, tell))


def _claims(case: MadeUpCase, tell: CasePresenter) -> list[ClaimRow]:
    return [
        ClaimRow(label(claim, tell.language), lines(claim, value, tell.language), corrected=False)
        for claim, value in case.details.items()
    ]


def _piece(path: str, place: int, case: MadeUpCase, given: ExerciseAnswer | None, tell: CasePresenter) -> PieceView:
    one, words = case.evidence[place], tell.language
    return PieceView(
        made_up_row(tell, one),
        in_language(one.seen, words.code),
        tuple(_check(check_name(place, check), check, outcome, given, tell) for check, outcome in one.checks.items()),
        tuple(
            made_up_file(f"{path}/images/{place}/{number}", image.shows, words)
            for number, image in enumerate(one.images)
        ),
    )


def _check(
    name: str, check: str, outcome: CheckOutcome, given: ExerciseAnswer | None, tell: CasePresenter
) -> CheckLine:
    if given is None:
        return CheckLine(name, tell.question(check))
    said, words = CheckOutcome(given.checks[name]), tell.language
    return CheckLine(
        name, tell.question(check), words.text(OUTCOMES[said]), words.text(OUTCOMES[outcome]), said is outcome
    )


def _compared(given: ExerciseAnswer, case: MadeUpCase, tell: CasePresenter) -> dict[str, object]:
    words = tell.language
    return {
        "right": given.right,
        "given": words.text(DECISIONS[given.decision][0]),
        "given_reasons": reasons(given.reasons, words),
        "expected": words.text(DECISIONS[case.decision][0]),
        "expected_reasons": reasons(case.reasons, words),
        "because": in_language(case.because, words.code),
    }


async def show_image(req: StaffPage) -> Response:
    """A photograph of a made-up case, from the operator's configuration."""
    found = await Calibration(req.cases.context).look(req.principal, _task(req))
    place, number = (edition(str(req.visit.request.path_params[name])) for name in ("place", "number"))
    images = () if isinstance(found, ActionRefused) else found[1].images(place)
    if not 0 <= number < len(images):
        raise HTTPException(404)
    return FileResponse(images[number].file, media_type="image/jpeg", headers={"content-security-policy": SANDBOX})


async def answer(req: StaffPage) -> Response:
    """Writes the answers of a made-up case."""
    form, path = await req.visit.form(), f"/tasks/{_task(req)}"
    if form is None:
        return redirect_to(path, problem="again")
    chosen = form.get("decision", "")
    if chosen not in set(Decision):
        return redirect_to(path, problem="choice")
    done = await Calibration(req.cases.context).answer(
        req.principal, _task(req), Decision(chosen), ticked(form, chosen), _checks(form)
    )
    if done is ActionRefused.REASON:
        return redirect_to(path, problem="reason")
    return outcome_page(req, "closed") if done is ActionRefused.UNKNOWN else redirect_to(path)


def _checks(form: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix("check."): value for name, value in form.items() if name.startswith("check.")}


def _task(req: StaffPage) -> str:
    return str(req.visit.request.path_params["task"])
