"""The citizens' door: their pages, and what is done on them."""

from starlette.routing import Route

from broker.web.citizens import (
    backchannel_pages,
    case_status_page,
    help_pages,
    info_pages,
    logout_pages,
    rate_limit_page,
    resume_pages,
    view_pages,
)
from broker.web.citizens.backchannel_pages import asked_routes
from broker.web.citizens.help_pages import help_routes
from broker.web.citizens.info_pages import reading_routes
from broker.web.citizens.journey import journey_routes
from broker.web.citizens.language_switch import language_routes
from broker.web.citizens.request import CitizenApp
from broker.web.citizens.resume_pages import later_routes
from broker.web.shared.pages import PageTemplate

SHEETS: tuple[PageTemplate, ...] = (
    *view_pages.SHEETS,
    *case_status_page.SHEETS,
    *help_pages.SHEETS,
    *rate_limit_page.SHEETS,
    *resume_pages.SHEETS,
    *backchannel_pages.SHEETS,
    *info_pages.SHEETS,
    *logout_pages.SHEETS,
)


def citizen_routes(door: CitizenApp) -> list[Route]:
    """Every route of the citizens' side but the public pages. The one most asked for comes first."""
    return [
        *journey_routes(door),
        *help_routes(door),
        *later_routes(door),
        *asked_routes(door),
        *reading_routes(door),
        *language_routes(door),
    ]


__all__ = ["SHEETS", "CitizenApp", "citizen_routes"]
