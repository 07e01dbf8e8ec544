"""The quality sample in the console: drawn cases, their score sheets, and the results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.staff_results import ActionRefused
from broker.actions.quality.disagreement import as_csv
from broker.actions.quality.samples import LONGEST_REMARK, SINCE, AgentScore, Quality, QualityView
from broker.assisted.case_records import Channel, Decision
from broker.assisted.levels import assess
from broker.assisted.quality import Mark, QualitySample, sheet_form
from broker.model.staff import StaffRole
from broker.web.citizens.failure_texts import marked
from broker.web.citizens.page_context import readable
from broker.web.middleware.security_headers import WITH_MEDIA
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate, in_language
from broker.web.staff.evidence_view import answer_rows, evidence_rows
from broker.web.staff.labels import CHANNELS, DECISIONS
from broker.web.staff.request import StaffApp, StaffPage, redirect_to, staff
from broker.web.staff.responses import case_presenter, csv_file, outcome_page
from broker.web.staff.shown_files import sampled_files

MARKS: Final[Mapping[Mark, str]] = MappingProxyType(
    {
        Mark.MET: marked("Met"),
        Mark.PARTLY: marked("Partly met"),
        Mark.NOT_MET: marked("Not met"),
        Mark.NOT_APPLICABLE: marked("Does not apply"),
    }
)
SHEETS = (
    PageTemplate("quality", "staff/quality.html"),
    PageTemplate("quality-sheet", "staff/quality_sheet.html", {"marks": {mark.value: t for mark, t in MARKS.items()}}),
)


@dataclass(frozen=True, slots=True)
class SampleRow:
    """A drawn case without a score sheet."""

    path: str
    reference: str
    decision: str
    drawn: str
    until: str


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A filled score sheet. `scorer` is "" for its agent."""

    reference: str
    agent: str
    scorer: str
    at: str
    score: str
    answers: tuple[tuple[str, str], ...]
    remark: str


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """The averages of an agent."""

    agent: str
    sheets: int
    average: str
    sections: str


@dataclass(frozen=True, slots=True)
class SectionField:
    """A section of the score sheet."""

    name: str
    title: str
    text: str
    critical: bool


def quality_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/quality", staff(app, show_quality), methods=["GET"]),
        Route("/quality.csv", staff(app, send_csv), methods=["GET"]),
        Route("/quality/{sample}", staff(app, show_sheet), methods=["GET"]),
        Route("/quality/{sample}", staff(app, fill_sheet), methods=["POST"]),
    ]


async def show_quality(req: StaffPage) -> Response:
    """What waits for a score sheet; for leads also the results."""
    view = await Quality(req.cases.context).overview(req.principal)
    if isinstance(view, ActionRefused):
        return outcome_page(req, "not-yours")
    words, now = req.visit.language, req.app.system.now()
    return req.visit.page(
        "quality",
        waiting=[_sample_row(one, words, now) for one in view.waiting],
        lead=view.counts is not None,
        counts=_counts(view, words),
        scores=[_score_row(one, req) for one in view.scores],
        sheets=[sheet_row(one, req, lead=True) for one in view.sheets],
        disagreement=[replace(one, agent=_name(one.agent, req)) for one in view.disagreement],
    )


async def send_csv(req: StaffPage) -> Response:
    """Disagreement by agent as CSV, without small numbers."""
    found = await Quality(req.cases.context).disagreement(req.principal)
    if isinstance(found, ActionRefused):
        return outcome_page(req, "not-yours")
    return csv_file(as_csv(found), f"disagreement-{req.app.reports.today().isoformat()}.csv")


def _counts(view: QualityView, words: Language) -> str:
    if view.counts is None:
        return ""
    text = words.text("In {time}: {drawn} drawn, {scored} with a score sheet, {missed} too late for one.")
    return text.format(
        time=words.duration(SINCE), drawn=view.counts.drawn, scored=view.counts.scored, missed=view.counts.missed
    )


def _sample_row(one: QualitySample, words: Language, now: float) -> SampleRow:
    return SampleRow(
        f"/quality/{one.id}",
        readable(one.reference),
        words.text(DECISIONS[Decision(one.decision)][0]),
        words.format_time(one.drawn, now),
        words.format_time(one.expires, now),
    )


def _score_row(one: AgentScore, req: StaffPage) -> ScoreRow:
    words, form = req.visit.language, sheet_form()
    parts = [f"{in_language(form.sections[name].title, words.code)} {value}" for name, value in one.sections.items()]
    return ScoreRow(_name(one.agent, req), one.sheets, str(one.average), ", ".join(parts))


def sheet_row(one: QualitySample, req: StaffPage, *, lead: bool) -> SheetRow:
    """A filled score sheet, for a `lead` or for its agent."""
    words, sections = req.visit.language, sheet_form().sections
    answers: Sequence[tuple[str, str]] = () if one.sheet is None else tuple(one.sheet.answers.items())
    return SheetRow(
        reference=readable(one.reference),
        agent=_name(one.agent, req) if lead else "",
        scorer=_name(one.scorer or "", req) if lead else "",
        at="" if one.scored is None else words.format_time(one.scored, req.app.system.now()),
        score=str(one.score),
        answers=tuple(
            (in_language(sections[name].title, words.code) if name in sections else name, words.text(MARKS[Mark(mark)]))
            for name, mark in answers
        ),
        remark="" if one.sheet is None else one.sheet.remark,
    )


def _name(member: str, req: StaffPage) -> str:
    found = req.app.members.get(member)
    return member if found is None else found.name


async def show_sheet(req: StaffPage) -> Response:
    """A drawn case beside its score sheet."""
    found = await Quality(req.cases.context).look(req.principal, _sample(req))
    if isinstance(found, ActionRefused):
        return _refused(req, found)
    (sample, case), tell, words = found, case_presenter(req), req.visit.language
    assessment = assess(case, req.app.profiles)
    page = req.visit.page(
        "quality-sheet",
        path=f"/quality/{sample.id}",
        reference=readable(sample.reference),
        channel="" if case.channel is None else words.text(CHANNELS[case.channel]),
        service=tell.service(case),
        until=words.format_time(sample.expires, req.app.system.now()),
        evidence=evidence_rows(tell, case, assessment),
        person=answer_rows(tell, case.checks),
        claims=tell.claims(case),
        verdict=None if case.verdict is None else tell.verdict(case.verdict),
        notes=tell.notes(case, req.app.members),
        sections=[
            SectionField(name, in_language(one.title, words.code), in_language(one.text, words.code), one.critical)
            for name, one in sheet_form().sections.items()
        ],
        longest=LONGEST_REMARK,
        files=await sampled_files(req, sample),
        sent=case.channel is Channel.SENT,
    )
    page.headers["content-security-policy"] = WITH_MEDIA
    return page


async def fill_sheet(req: StaffPage) -> Response:
    """Writes the score sheet."""
    form, path = await req.visit.form(), f"/quality/{_sample(req)}"
    if form is None:
        return redirect_to(path, problem="again")
    answers = {name: form.get(f"mark.{name}", "") for name in sheet_form().sections}
    done = await Quality(req.cases.context).fill(req.principal, _sample(req), answers, form.get("note", ""))
    match done:
        case QualitySample():
            return redirect_to("/quality", told="scored")
        case ActionRefused.REASON:
            return redirect_to(path, problem="sections")
        case ActionRefused.NOTE:
            return redirect_to(path, problem="note")
        case _:
            return _refused(req, done)


def _sample(req: StaffPage) -> str:
    return str(req.visit.request.path_params["sample"])


def _refused(req: StaffPage, why: ActionRefused) -> Response:
    return (
        outcome_page(req, "not-yours") if why is ActionRefused.NOT_ALLOWED else redirect_to("/quality", problem="gone")
    )


def may_read(req: StaffPage) -> bool:
    """Whether the member of staff may read the page of the quality sample."""
    return req.member.may(StaffRole.LEAD, StaffRole.REVIEWER)
