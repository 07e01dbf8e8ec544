"""The staff console: an application of its own, on a host and a port that are not public."""

from starlette.routing import Route

from broker.web.shared.pages import PageTemplate
from broker.web.staff import (
    access_pages,
    appointment_pages,
    board,
    calibration_pages,
    call_pages,
    case,
    contact_pages,
    dashboard,
    decision_pages,
    evidence_pages,
    export_pages,
    feedback_pages,
    find_pages,
    guide_pages,
    image_pages,
    letter_pages,
    lists,
    login,
    message_pages,
    outcome_pages,
    people_pages,
    quality_pages,
    report_pages,
    responses,
)
from broker.web.staff.access_pages import access_routes
from broker.web.staff.appointment_pages import appointment_routes
from broker.web.staff.board import board_routes
from broker.web.staff.calibration_pages import calibration_routes
from broker.web.staff.call_pages import call_routes
from broker.web.staff.case import case_routes
from broker.web.staff.contact_pages import contact_routes
from broker.web.staff.dashboard import home_routes
from broker.web.staff.decision_pages import deciding_routes
from broker.web.staff.evidence_pages import recording_routes
from broker.web.staff.export_pages import export_routes
from broker.web.staff.feedback_pages import feedback_routes
from broker.web.staff.find_pages import find_routes
from broker.web.staff.guide_pages import guide_routes
from broker.web.staff.image_pages import image_routes
from broker.web.staff.language_switch import language_routes
from broker.web.staff.lead_actions import leading_routes
from broker.web.staff.letter_pages import letter_routes
from broker.web.staff.lists import list_routes
from broker.web.staff.login import entry_routes
from broker.web.staff.message_pages import message_routes
from broker.web.staff.outcome_pages import outcome_routes
from broker.web.staff.people_pages import people_routes
from broker.web.staff.quality_pages import quality_routes
from broker.web.staff.report_pages import report_routes
from broker.web.staff.request import StaffApp, console_language
from broker.web.staff.sent_notices import notice_routes
from broker.web.staff.source_pages import source_routes
from broker.web.staff.threads import thread_routes

ERRORS: tuple[PageTemplate, ...] = (
    PageTemplate("not-found", "staff/not_found.html"),
    PageTemplate("mishap", "staff/mishap.html"),
    PageTemplate("unavailable", "staff/unavailable.html"),
    PageTemplate("too-large", "staff/too_large.html"),
)
"""Error pages with the names of the citizens' error pages, so that `public.handlers` serves both applications."""

SHEETS: tuple[PageTemplate, ...] = (
    *dashboard.SHEETS,
    *lists.SHEETS,
    *find_pages.SHEETS,
    *board.SHEETS,
    *people_pages.SHEETS,
    *access_pages.SHEETS,
    *export_pages.SHEETS,
    *feedback_pages.SHEETS,
    *case.SHEETS,
    *call_pages.SHEETS,
    *contact_pages.SHEETS,
    *message_pages.SHEETS,
    *evidence_pages.SHEETS,
    *guide_pages.SHEETS,
    *image_pages.SHEETS,
    *letter_pages.SHEETS,
    *decision_pages.SHEETS,
    *responses.SHEETS,
    *login.SHEETS,
    *outcome_pages.SHEETS,
    *report_pages.SHEETS,
    *quality_pages.SHEETS,
    *calibration_pages.SHEETS,
    *appointment_pages.SHEETS,
    *ERRORS,
)


def staff_routes(app: StaffApp) -> list[Route]:
    """Every route of the console."""
    return [
        *home_routes(app),
        *language_routes(app),
        *list_routes(app),
        *find_routes(app),
        *board_routes(app),
        *people_routes(app),
        *access_routes(app),
        *export_routes(app),
        *feedback_routes(app),
        *thread_routes(app),
        *notice_routes(app),
        *case_routes(app),
        *call_routes(app),
        *contact_routes(app),
        *message_routes(app),
        *recording_routes(app),
        *source_routes(app),
        *image_routes(app),
        *letter_routes(app),
        *deciding_routes(app),
        *guide_routes(app),
        *leading_routes(app),
        *entry_routes(app),
        *outcome_routes(app),
        *report_routes(app),
        *quality_routes(app),
        *calibration_routes(app),
        *appointment_routes(app),
    ]


__all__ = ["SHEETS", "StaffApp", "console_language", "staff_routes"]
