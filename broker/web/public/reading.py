"""Pages to read: the same for everybody."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from broker.model.service import Service
from broker.web.citizens.frame import outer
from broker.web.citizens.journey import page
from broker.web.citizens.visit import Door, Visit
from broker.web.pages import Sheet
from broker.web.public.explainer import explain, explain_all
from broker.web.public.register import register
from broker.web.shown import Shown

_NAMES: Final = ("help", "accessibility", "privacy", "cookies")

SHEETS = (Sheet("home", "public/home.html"), *(Sheet(name, f"public/{name}.html") for name in _NAMES))


def public_routes(door: Door, services: Mapping[str, Service] = MappingProxyType({})) -> list[Route]:
    """The routes of the public pages. `services` are those that may be listed."""
    return [
        Route("/", page(door, _read("home")), methods=["GET"]),
        *(Route(f"/{name}", page(door, _read(name)), methods=["GET"]) for name in _NAMES),
        Route("/services", page(door, register(services, door.pages.site.issuer)), methods=["GET"]),
        Route("/errors", page(door, explain_all), methods=["GET"]),
        Route("/errors/{failure}", page(door, explain), methods=["GET"]),
    ]


def _read(sheet: str) -> Callable[[Visit], Awaitable[Response]]:
    async def answer(here: Visit) -> Response:
        frame = here.frame()
        return here.answer(Shown(sheet, outer(frame)), frame)

    return answer
