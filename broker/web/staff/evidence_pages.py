"""The pages on which an agent records evidence with its checklist, checks of the person, and details."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.drafts import keep_draft
from broker.actions.assisted.evidence_input import DETAILS, ZoneFields, read_zone, recorded_by_staff
from broker.actions.assisted.staff_results import CaseView, EvidenceEntry, StaffAction
from broker.assisted.case_records import CheckOutcome, EvidenceRecord
from broker.assisted.documents import day
from broker.assisted.guide import ScriptStep
from broker.assisted.profiles import EvidenceKind
from broker.web.citizens.claim_labels import label
from broker.web.citizens.failure_texts import marked
from broker.web.shared.pages import PageTemplate, in_language
from broker.web.staff.case_presenter import CasePresenter
from broker.web.staff.checklists import answers, checklist
from broker.web.staff.drafts import draft, keep_or_discard
from broker.web.staff.form_names import form_name, typed_fields
from broker.web.staff.guide_pages import guide_rows, script_lines
from broker.web.staff.labels import OUTCOMES, WHY
from broker.web.staff.request import StaffApp, StaffPage, redirect_to, staff, with_form
from broker.web.staff.responses import back_to_case, case_presenter, load_case_view, refuse
from broker.web.staff.source_pages import sources

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
_DATE_HINT: Final = marked("Year-month-day, such as 2031-04-09")
_ZONE_HINT: Final = marked("The two or three lines at the foot of the page or on the back. They fill in what they hold")
NEW: Final = "new"
"""In a path in place of the id of a piece of evidence that is not recorded yet."""


@dataclass(frozen=True, slots=True)
class EvidenceField:
    """One field of a form. `choices` are the values of a list with their texts; a `zone` is machine readable."""

    name: str
    label: str
    value: str
    required: bool
    hint: str = ""
    pattern: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    zone: bool = False


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
        frame=framed(found, tell, ScriptStep.EVIDENCE, restored=typed is not None),
        guide=guide_rows(tell, word),
        kind=in_language(kind.text, tell.language.code),
        kind_word=word,
        to=f"{req.base}/evidence/{piece}",
        fields=_fields(kind, before, tell, typed),
        groups=checklist(
            kind.checks,
            before.checks if before is not None else (),
            found.case,
            tell,
            typed,
            {} if before is None else sources(req, before.id),
        ),
        has_zone=any(field.is_zone for field in kind.fields.values()),
        removable=before is not None,
        piece=piece,
    )


def framed(
    found: CaseView, tell: CasePresenter, step: ScriptStep | None = None, *, restored: bool = False
) -> dict[str, object]:
    """The context of every page of a case. `restored`: its form is filled with a draft. `step` has a script."""
    level, script = tell.level(found.case, found.assessment), script_lines(tell, step, found.case)
    return {"case": tell.case(found, ""), "level": level, "restored": restored, "script": script}


def _fields(
    kind: EvidenceKind, before: EvidenceRecord | None, tell: CasePresenter, typed: Mapping[str, str] | None
) -> list[EvidenceField]:
    known = fields(typed) if typed is not None else {} if before is None else before.details
    words = tell.language
    return [
        EvidenceField(
            name,
            in_language(field.text, words.code),
            known.get(name, ""),
            field.required,
            words.text(_ZONE_HINT if field.is_zone else _DATE_HINT) if field.is_zone or field.dated else "",
            DATE if field.dated else "",
            tuple((word, in_language(text, words.code)) for word, text in field.choices.items()),
            field.is_zone,
        )
        for name, field in kind.fields.items()
    ]


async def save_evidence(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Records a piece of evidence with its checks, or only fills the form from the machine readable zone.

    A new piece leads on to what is still missing.
    """
    piece, word = req.visit.request.path_params["piece"], form.get("kind", "")
    here, kind, typed = f"{req.base}/evidence/{piece}", req.app.profiles.kinds.get(word), fields(form)
    read = ZoneFields(typed, {}) if kind is None else read_zone(kind, typed, day(req.app.system.now()))
    if isinstance(read, ZoneFields) and read.claims:
        await _keep_details(req, read.claims)
    if form.get("do") == "zone":
        if isinstance(read, ZoneFields):
            kept = typed_fields(form) | {f"field.{name}": value for name, value in read.fields.items()}
            await keep_draft(req.cases.context, req.member.id, req.id, form_name(req.visit.path, word), kept)
            return redirect_to(here, kind=word, told="zone" if read.claims else "no_zone")
        await keep_or_discard(req, read, form)
        return refuse(req, read, here, kind=word)
    entry = EvidenceEntry(word, typed, answers(form, req.app.profiles), None if piece == NEW else piece)
    done = await req.cases.record_evidence(req.principal, req.ref(form), entry)
    return await back_to_case(req, done, form, here, goes_on=piece == NEW, kind=word)


async def _keep_details(req: StaffPage, claims: Mapping[str, str]) -> None:
    """Keeps the details of a machine readable zone as a draft of the form of the details, unless it has one."""
    if await draft(req, "details") is None:
        typed = {f"field.{claim}": value for claim, value in claims.items()}
        await keep_draft(req.cases.context, req.member.id, req.id, "details", typed)


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
    asked = checklist(req.app.profiles.person, found.case.checks, found.case, tell, typed, sources(req, ""))
    return req.visit.page(
        "person", frame=framed(found, tell, ScriptStep.PERSON, restored=typed is not None), groups=asked, piece=""
    )


async def save_person(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Records the checks of the person."""
    done = await req.cases.record_checks(req.principal, req.ref(form), answers(form, req.app.profiles))
    return await back_to_case(req, done, form, f"{req.base}/person", goes_on=True)


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
    may_end = StaffAction.END_SESSION in found.actions
    return req.visit.page(
        "details",
        frame=framed(found, tell, ScriptStep.DETAILS, restored=typed is not None),
        fields=asked,
        may_end=may_end,
    )


async def save_details(req: StaffPage, form: Mapping[str, str]) -> Response:
    """Records the person's details, and ends the session if that was pressed: the decision is next."""
    done = await req.cases.record_details(req.principal, req.ref(form), fields(form))
    if form.get("do") != "over" or not isinstance(done, CaseView):
        return await back_to_case(req, done, form, f"{req.base}/details")
    await keep_or_discard(req, done, form)
    ended = await req.cases.end_session(req.principal, done.ref)
    return redirect_to(f"{req.base}/decision") if isinstance(ended, CaseView) else refuse(req, ended, req.base)
