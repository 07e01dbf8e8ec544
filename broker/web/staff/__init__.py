"""The staff console: an application of its own, on a host and a port that citizens do not reach."""

from starlette.routing import Route

from broker.web.pages import Sheet
from broker.web.staff import answering, case, deciding, entry, home, recording
from broker.web.staff.case import case_routes
from broker.web.staff.deciding import deciding_routes
from broker.web.staff.entry import entry_routes
from broker.web.staff.home import home_routes
from broker.web.staff.leading import leading_routes
from broker.web.staff.recording import recording_routes
from broker.web.staff.visit import Door

ERRORS: tuple[Sheet, ...] = (
    Sheet("not-found", "staff/not_found.html"),
    Sheet("mishap", "staff/mishap.html"),
    Sheet("unavailable", "staff/unavailable.html"),
    Sheet("too-large", "staff/too_large.html"),
)
"""The same names as the citizens' pages have, so that `public.handlers` serves both applications."""

SHEETS: tuple[Sheet, ...] = (
    *home.SHEETS,
    *case.SHEETS,
    *recording.SHEETS,
    *deciding.SHEETS,
    *answering.SHEETS,
    *entry.SHEETS,
    *ERRORS,
)


def staff_routes(door: Door) -> list[Route]:
    """Every route of the console."""
    return [
        *home_routes(door),
        *case_routes(door),
        *recording_routes(door),
        *deciding_routes(door),
        *leading_routes(door),
        *entry_routes(door),
    ]


__all__ = ["SHEETS", "Door", "staff_routes"]
