"""The citizens' door: their pages, and what is done on them."""

from starlette.routing import Route

from broker.web.citizens import asked, held, help, later, leaving, reading, showing, standing
from broker.web.citizens.asked import asked_routes
from broker.web.citizens.help import help_routes
from broker.web.citizens.journey import journey_routes
from broker.web.citizens.later import later_routes
from broker.web.citizens.reading import reading_routes
from broker.web.citizens.tongue import language_routes
from broker.web.citizens.visit import Door
from broker.web.pages import Sheet

SHEETS: tuple[Sheet, ...] = (
    *showing.SHEETS,
    *standing.SHEETS,
    *help.SHEETS,
    *held.SHEETS,
    *later.SHEETS,
    *asked.SHEETS,
    *reading.SHEETS,
    *leaving.SHEETS,
)


def citizen_routes(door: Door) -> list[Route]:
    """Every route of the citizens' side but the public pages. The one most asked for comes first."""
    return [
        *journey_routes(door),
        *help_routes(door),
        *later_routes(door),
        *asked_routes(door),
        *reading_routes(door),
        *language_routes(door),
    ]


__all__ = ["SHEETS", "Door", "citizen_routes"]
