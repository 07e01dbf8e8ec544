"""Pages to read: the same for everybody."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from broker.model.service import Service
from broker.web.citizens.journey import page
from broker.web.citizens.page_context import base_context
from broker.web.citizens.request import CitizenApp, CitizenRequest
from broker.web.public.client_directory import register
from broker.web.public.error_explainer import explain, explain_all
from broker.web.shared.page_response import PageResponse
from broker.web.shared.pages import PageTemplate

_NAMES: Final = ("help", "accessibility", "privacy", "cookies")

SHEETS = (PageTemplate("home", "public/home.html"), *(PageTemplate(name, f"public/{name}.html") for name in _NAMES))


def public_routes(door: CitizenApp, services: Mapping[str, Service] = MappingProxyType({})) -> list[Route]:
    """The routes of the public pages. `services` are those that may be listed."""
    return [
        Route("/", page(door, _read("home")), methods=["GET"]),
        *(Route(f"/{name}", page(door, _read(name)), methods=["GET"]) for name in _NAMES),
        Route("/services", page(door, register(services, door.pages.site.issuer)), methods=["GET"]),
        Route("/errors", page(door, explain_all), methods=["GET"]),
        Route("/errors/{failure}", page(door, explain), methods=["GET"]),
    ]


def _read(sheet: str) -> Callable[[CitizenRequest], Awaitable[Response]]:
    async def answer(here: CitizenRequest) -> Response:
        frame = here.frame()
        return here.answer(PageResponse(sheet, base_context(frame)), frame)

    return answer
