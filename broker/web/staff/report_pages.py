"""Reports for leads and auditors: what assisted verification took, as a page and as CSV, from the same numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.assisted.reports import as_csv, lead_report
from broker.assisted.case_records import Channel, Decision
from broker.assisted.case_states import CaseState
from broker.assisted.measures import BOUNDS, TIMED, Line, Measure
from broker.model.staff import StaffRole
from broker.web.citizens.failure_texts import marked
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate
from broker.web.staff.labels import CHANNELS, DECISIONS, STATES, reasons
from broker.web.staff.request import StaffApp, StaffPage, staff
from broker.web.staff.responses import csv_file, outcome_page

SHEETS = (PageTemplate("reports", "staff/reports.html"),)

SPANS: Final = (7, 28, 90, 365)
"""Numbers of days that a report can be of. The second one is shown first."""

TITLES: Mapping[Measure, str] = MappingProxyType(
    {
        Measure.REQUESTS: marked("Requests for a person"),
        Measure.CONTACT_WAIT: marked("Wait until somebody talked to the citizen"),
        Measure.SESSION_TIME: marked("Length of a session"),
        Measure.DECISION_TIME: marked("From the end of a session to its outcome"),
        Measure.OUTCOMES: marked("Outcomes"),
        Measure.MISSED_DEADLINES: marked("Deadlines that staff missed"),
        Measure.REVIEWS: marked("Second persons"),
        Measure.NO_SHOWS: marked("Citizens who did not come"),
        Measure.FIRST_TIME_RIGHT: marked("Approved after one session, with nothing asked for again"),
        Measure.REDRESS: marked("New looks at declined cases"),
    }
)
_DETAILS: Mapping[str, str] = MappingProxyType(
    {
        "contact": marked("Nobody talked to the citizen in time"),
        "decision": marked("Not decided in time"),
        "review": marked("A review was late"),
        "promise": marked("Nobody talked to the citizen by the time promised"),
        "agrees": marked("Agreed with the agent"),
        "disagrees": marked("Disagreed with the agent"),
        "yes": marked("Yes"),
        "no": marked("No"),
        "another_way": marked("Signed in another way"),
        "asked": marked("Asked for"),
        "other": marked("Ended without a decision"),
    }
)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a report, in words."""

    detail: str
    channel: str
    language: str
    count: int
    median: str
    ninth: str


@dataclass(frozen=True, slots=True)
class Section:
    """One measure of a report with its rows. `timed` says that it is a duration."""

    name: str
    title: str
    timed: bool
    total: int
    rows: tuple[Row, ...]


def report_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/reports", staff(app, show_report), methods=["GET"]),
        Route("/reports.csv", staff(app, send_csv), methods=["GET"]),
    ]


def may_read(req: StaffPage) -> bool:
    """Whether the member of staff may read reports."""
    return req.member.may(StaffRole.LEAD, StaffRole.AUDITOR)


async def show_report(req: StaffPage) -> Response:
    """The page."""
    if not may_read(req):
        return outcome_page(req, "not-yours")
    words, days = req.visit.language, _days(req)
    lines = await lead_report(req.app.reports, days)
    spans = [(span, words.ngettext("{n} day", "{n} days", span), span == days) for span in SPANS]
    return req.visit.page("reports", sections=sections(lines, words), spans=spans, days=days)


async def send_csv(req: StaffPage) -> Response:
    """The same numbers as CSV."""
    if not may_read(req):
        return outcome_page(req, "not-yours")
    days = _days(req)
    name = f"assisted-verification-{req.app.reports.today().isoformat()}-{days}-days.csv"
    return csv_file(as_csv(await lead_report(req.app.reports, days)), name)


def _days(req: StaffPage) -> int:
    typed = req.visit.query.get("days", "")
    return int(typed) if typed in map(str, SPANS) else SPANS[1]


def sections(lines: tuple[Line, ...], words: Language) -> list[Section]:
    """The lines of a report by measure."""
    found = []
    for measure, group in groupby(lines, key=lambda line: line.measure):
        rows = list(group)
        timed = measure in TIMED
        shown = tuple(_row(line, words, timed=timed) for line in rows)
        found.append(Section(measure, words.text(TITLES[measure]), timed, sum(line.count for line in rows), shown))
    return found


def _row(line: Line, words: Language, *, timed: bool) -> Row:
    longest = words.text("more than {time}", time=words.duration(BOUNDS[-1]))
    median, ninth = ((longest if one is None else words.duration(one)) for one in (line.median, line.ninth))
    channel = words.text(CHANNELS[Channel(line.channel)]) if line.channel in set(Channel) else line.channel
    return Row(
        _detail(line.detail, words),
        channel,
        line.language,
        line.count,
        median if timed else "",
        ninth if timed else "",
    )


def _detail(detail: str, words: Language) -> str:
    """The detail of a line in words: an outcome with its reason, or another closed word."""
    known = {state.value: text for state, text in STATES.items() if state is not CaseState.REQUESTED}
    known |= {decision.value: texts[0] for decision, texts in DECISIONS.items() if decision is Decision.MORE_EVIDENCE}
    first, _, rest = detail.partition(" ")
    parts = [words.text(_DETAILS.get(first, known.get(first, first)))] if first else []
    parts += [words.text(_DETAILS[rest]) if rest in _DETAILS else reasons([rest], words)] if rest else []
    return ": ".join(parts)
