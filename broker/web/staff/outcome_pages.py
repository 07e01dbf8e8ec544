"""The page on which an agent reads what became of their decisions."""

from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.console.outcomes import Outcome, outcomes
from broker.actions.quality.samples import Quality
from broker.web.citizens.page_context import readable
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate
from broker.web.staff.labels import STATES, history_line, reasons
from broker.web.staff.quality_pages import sheet_row
from broker.web.staff.request import StaffApp, StaffPage, staff
from broker.web.staff.responses import outcome_page

SHEETS = (PageTemplate("outcomes", "staff/outcomes.html"),)


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """One decision, what others made of it, and how the case stands."""

    reference: str
    at: str
    decision: str
    followed: str
    state: str


def outcome_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [Route("/outcomes", staff(app, show_outcomes), methods=["GET"])]


async def show_outcomes(req: StaffPage) -> Response:
    """What became of the last decisions of this member of staff."""
    found = await outcomes(req.cases.context, req.principal)
    if not isinstance(found, tuple):
        return outcome_page(req, "not-yours")
    words, now = req.visit.language, req.app.system.now()
    sheets = await Quality(req.cases.context).feedback(req.principal)
    return req.visit.page(
        "outcomes",
        rows=[_row(one, words, now) for one in found],
        sheets=[sheet_row(one, req, lead=False) for one in sheets],
    )


def _row(one: Outcome, words: Language, now: float) -> OutcomeRow:
    followed = "; ".join(history_line(event, why, words) for event, why in one.followed)
    if not followed:
        followed = (
            words.text("A second person has not looked at it yet") if one.waits else words.text("Nobody else looked")
        )
    return OutcomeRow(
        readable(one.reference),
        words.format_time(one.at, now),
        reasons(one.decision.split(), words),
        followed,
        words.text(STATES[one.state]),
    )
