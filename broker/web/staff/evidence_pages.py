"""The pages on which an agent records evidence with its checklist, checks of the person, and details."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.evidence_input import DETAILS, check_error, recorded_by_staff
from broker.actions.assisted.staff_results import CaseView, CheckAnswer, EvidenceEntry, InputError, StaffAction
from broker.assisted.case import Case
from broker.assisted.case_records import CheckOutcome, CheckRecord, EvidenceRecord
from broker.assisted.profiles import EvidenceKind
from broker.web.citizens.claim_labels import label
from broker.web.citizens.failure_texts import marked
from broker.web.shared.pages import PageTemplate, in_language
from broker.web.staff.case_presenter import CasePresenter
from broker.web.staff.drafts import draft
from broker.web.staff.form_names import form_name
from broker.web.staff.labels import OUTCOMES, WHY
from broker.web.staff.request import StaffApp, StaffPage, redirect_to, staff, with_form
from broker.web.staff.responses import back_to_case, case_presenter, load_case_view

_GIVEN = {"why": WHY, "outcomes": {"yes": OUTCOMES[CheckOutcome.YES], "no": OUTCOMES[CheckOutcome.NO]}}
SHEETS = (
    PageTemplate("evidence", "staff/evidence.html", _GIVEN),
    PageTemplate("person", "staff/person.html", _GIVEN),
    PageTemplate("details", "staff/details.html", _GIVEN),
)
_AROUND: Final = r"[\p{Cf}\s]*"
_PART: Final = r"[\-\/.\p{Pd}\u2212\p{Cf}]{1,4}\p{Nd}{1,2}"
_DAY_FIRST: Final = r"(\p{Nd}{1,2}\. ?){2}\p{Nd}{4}"
DATE: Final = rf"{_AROUND}(\p{{Nd}}{{4}}({_PART}){{2}}|{_DAY_FIRST}){_AROUND}"
PARTIAL_DATE: Final = rf"{_AROUND}(\p{{Nd}}{{4}}({_PART}){{0,2}}|{_DAY_FIRST}){_AROUND}"
"""Input patterns of a date and of a partial date: digits of any script, usual separators."""

_ONE_NAME: Final = marked("A person with one name has it in one of the two fields, and the other is left empty")
_HINTS: Final = {
    "given_name": _ONE_NAME,
    "birthdate": marked(
        "Year-month-day, such as 1987-04-12. If only a part is known: 1987, or 1987-04, or 0000-04-12 without the year"
    ),
}
_CLOSED: Final = {
    InputError.NOT_IN_THIS_CHANNEL: marked("Cannot be done in this way of meeting"),
    InputError.NOT_TRAINED: marked("Needs training that you do not have"),
}
NEW: Final = "new"
"""In a path in place of the id of a piece of evidence that is not recorded yet."""


@dataclass(frozen=True, slots=True)
class CheckField:
    """One line of a checklist. `chosen` is the value recorded before, `closed` why it is not asked here ("": it is)."""

    name: str
    question: str
    chosen: str
    optional: bool
    closed: str


@dataclass(frozen=True, slots=True)
class EvidenceField:
    """One field of a form."""

    name: str
    label: str
    value: str
    required: bool
    hint: str = ""
    pattern: str = ""


def recording_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    piece = "/cases/{case}/evidence/{piece}"
    return [
        Route("/cases/{case}/evidence", staff(app, add), methods=["GET"]),
        Route(piece, staff(app, evidence), methods=["GET"]),
        Route(piece, staff(app, with_form(save_evidence)), methods=["POST"]),
        Route(f"{piece}/remove", staff(app, with_form(remove)), methods=["POST"]),
        Route("/cases/{case}/person", staff(app, person), methods=["GET"]),
        Route("/cases/{case}/person", staff(app, with_form(save_person)), methods=["POST"]),
        Route("/cases/{case}/details", staff(app, details), methods=["GET"]),
        Route("/cases/{case}/details", staff(app, with_form(save_details)), methods=["POST"]),
    ]


# --- checklists ---


def checklist(
    names: Iterable[str],
    recorded: Iterable[CheckRecord],
    found: CaseView,
    tell: CasePresenter,
    typed: Mapping[str, str] | None = None,
) -> list[CheckField]:
    """The lines of a checklist. A check that this channel or this member of staff cannot make is shown as closed.

    `typed` is the draft of the form, whose answers are shown in place of those recorded.
    """
    chosen = {one.check: ".".join(filter(None, (one.outcome.value, one.reason))) for one in recorded}
    if typed is not None:
        chosen = {name: typed.get(f"check.{name}", "") for name in names}
    return [_line(name, chosen.get(name, ""), found.case, tell) for name in names]


def _line(name: str, chosen: str, case: Case, tell: CasePresenter) -> CheckField:
    error = check_error(name, tell.profiles, tell.reader, case.channel)
    closed = "" if error is None else tell.language.text(_CLOSED[error])
    return CheckField(name, tell.question(name), chosen, tell.profiles.checks[name].optional, closed)


def answers(form: Mapping[str, str]) -> tuple[CheckAnswer, ...]:
    """The answers of a form. One that could not be given names its reason after a dot."""
    given = []
    for name, value in form.items():
        word, _, reason = value.partition(".")
        if name.startswith("check.") and word in {outcome.value for outcome in CheckOutcome}:
            given.append(CheckAnswer(name.removeprefix("check."), CheckOutcome(word), reason or None))
    return tuple(given)


def fields(form: Mapping[str, str]) -> dict[str, str]:
    """The fields of a form, without white space around them."""
    return {
        name.removeprefix("field."): value.replace("\r\n", "\n").strip()
        for name, value in form.items()
        if name.startswith("field.") and value.strip()
    }


# --- evidence ---


async def add(req: StaffPage) -> Response:
    """Redirects to the form of a new piece of evidence of the chosen kind."""
    kind = req.visit.query.get("kind", "")
    if kind not in req.app.profiles.kinds:
        return redirect_to(req.base)
    return redirect_to(f"{req.base}/evidence/{NEW}", kind=kind)


async def evidence(req: StaffPage) -> Response:
    """The form of one piece of evidence."""
    found = await load_case_view(req)
    if isinstance(found, Response):
        return found
    piece = req.visit.request.path_params["piece"]
    before = recorded_by_staff(found.case, req.app.profiles, piece)
    word = req.visit.query.get("kind", "") if before is None else before.kind
    kind = req.app.profiles.kinds.get(word)
    if kind is None or (before is None and piece != NEW):
        raise HTTPException(404)
    if StaffAction.RECORD not in found.actions:
        return redirect_to(req.base, problem="not_now")
    tell, typed = case_presenter(req), await draft(req, form_name(req.visit.path, word))
    return req.visit.page(
        "evidence",
        frame=framed(found, tell, restored=typed is not None),
        kind=in_language(kind.text, tell.language.code),
        kind_word=word,
        to=f"{req.base}/evidence/{piece}",
        fields=_fields(kind, before, tell, typed),
        checks=checklist(kind.checks, before.checks if before is not None else (), found, tell, typed),
        removable=before is not None,
    )


def framed(found: CaseView, tell: CasePresenter, *, restored: bool = False) -> dict[str, object]:
    """The context of every page of a case. `restored`: its form is filled with a draft."""
    level = tell.level(found.case, found.assessment)
    return {"case": tell.case(found, ""), "level": level, "restored": restored}


def _fields(
    kind: EvidenceKind, before: EvidenceRecord | None, tell: CasePresenter, typed: Mapping[str, str] | None
) -> list[EvidenceField]:
    known = fields(typed) if typed is not None else {} if before is None else before.details
    asked = []
    for name, field in kind.fields.items():
        asked.append(
            EvidenceField(
                name,
                in_language(field.text, tell.language.code),
                known.get(name, ""),
                field.required,
                tell.language.text("Year-month-day, such as 2031-04-09") if field.dated else "",
                DATE if field.dated else "",
            )
        )
    return asked


async def save_evidence(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Records a piece of evidence with its checks."""
    piece = req.visit.request.path_params["piece"]
    kind = form.get("kind", "")
    entry = EvidenceEntry(kind, fields(form), answers(form), None if piece == NEW else piece)
    done = await req.cases.record_evidence(req.principal, req.ref(form), entry)
    return await back_to_case(req, done, form, f"{req.base}/evidence/{piece}", kind=kind)


async def remove(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Removes a piece of evidence."""
    piece = req.visit.request.path_params["piece"]
    return await back_to_case(req, await req.cases.remove_evidence(req.principal, req.ref(form), piece), form)


# --- the person ---


async def person(req: StaffPage) -> Response:
    """The form of the checks of the person."""
    found = await load_case_view(req)
    if isinstance(found, Response):
        return found
    if StaffAction.RECORD not in found.actions:
        return redirect_to(req.base, problem="not_now")
    tell, typed = case_presenter(req), await draft(req, "person")
    asked = checklist(req.app.profiles.person, found.case.checks, found, tell, typed)
    return req.visit.page("person", frame=framed(found, tell, restored=typed is not None), checks=asked)


async def save_person(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Records the checks of the person."""
    done = await req.cases.record_checks(req.principal, req.ref(form), answers(form))
    return await back_to_case(req, done, form, f"{req.base}/person")


# --- details ---


async def details(req: StaffPage) -> Response:
    """The form of the person's details."""
    found = await load_case_view(req)
    if isinstance(found, Response):
        return found
    if StaffAction.RECORD not in found.actions:
        return redirect_to(req.base, problem="not_now")
    tell, typed = case_presenter(req), await draft(req, "details")
    known = found.case.details.claims if typed is None else fields(typed)
    asked = [
        EvidenceField(
            claim,
            label(claim, tell.language),
            known.get(claim, ""),
            required,
            tell.language.text(_HINTS[claim]) if claim in _HINTS else "",
            PARTIAL_DATE if claim == "birthdate" else "",
        )
        for claim, required in DETAILS.items()
    ]
    return req.visit.page("details", frame=framed(found, tell, restored=typed is not None), fields=asked)


async def save_details(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Records the person's details."""
    done = await req.cases.record_details(req.principal, req.ref(form), fields(form))
    return await back_to_case(req, done, form, f"{req.base}/details")
