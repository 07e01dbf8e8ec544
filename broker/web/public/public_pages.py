"""Public pages outside any transaction: home, help and policies, the list of services, the explainer of errors.

Every page is the same for all citizens. The explainer is the target of `error_uri` (RFC 6749 4.1.2.1): it has a page
for each failure class and knows neither the citizen nor what happened.
"""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.open_data.register import ServiceEntries
from broker.actions.open_data.releases import ClaimReleases
from broker.actions.sign_in.context import ConfiguredProvider
from broker.model.failures import FAILURES, FailureClass
from broker.model.provider_policy import DisplayOrder
from broker.model.service import Service
from broker.web.citizens.failure_texts import FAILURE_TEXTS
from broker.web.citizens.journey import page
from broker.web.citizens.page_context import base_context
from broker.web.citizens.request import CitizenApp, CitizenRequest
from broker.web.public.providers_page import SHEET as PROVIDERS
from broker.web.public.providers_page import list_providers
from broker.web.public.security_txt import security_routes
from broker.web.public.services_page import SHEET as SERVICES
from broker.web.public.services_page import list_services
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse

_NAMES: Final = ("help", "cookies")

SHEETS = (
    PageTemplate("home", "public/home.html"),
    *(PageTemplate(name, f"public/{name}.html") for name in _NAMES),
    SERVICES,
    PROVIDERS,
    PageTemplate("errors", "public/errors.html", {"failure_texts": FAILURE_TEXTS}),
    PageTemplate("explained", "public/explained.html", {"failure_texts": FAILURE_TEXTS, "kinds": FAILURES}),
)


def public_routes(
    app: CitizenApp,
    services: Mapping[str, Service] = MappingProxyType({}),
    providers: Mapping[str, ConfiguredProvider] = MappingProxyType({}),
    order: DisplayOrder = DisplayOrder.SHUFFLED,
    releases: ClaimReleases | None = None,
    entries: ServiceEntries | None = None,
) -> list[Route]:
    """The routes of the public pages. `services` and `providers` are those that the lists may show, `order` is the rule
    by which the picker orders the providers, `releases` what services really got, `entries` the history of their
    register."""
    return [
        Route("/", page(app, static_page("home")), methods=["GET"]),
        *(Route(f"/{name}", page(app, static_page(name)), methods=["GET"]) for name in _NAMES),
        Route(
            "/services", page(app, list_services(services, app.pages.site.issuer, releases, entries)), methods=["GET"]
        ),
        Route("/providers", page(app, list_providers(providers, order)), methods=["GET"]),
        *security_routes(app),
        Route("/errors", page(app, explain_all), methods=["GET"]),
        Route("/errors/{failure}", page(app, explain), methods=["GET"]),
    ]


def static_page(template: str) -> Callable[[CitizenRequest], Awaitable[Response]]:
    """A handler for a page without variables of its own."""

    async def answer(req: CitizenRequest) -> Response:
        frame = req.frame()
        return req.answer(PageResponse(template, base_context(frame)), frame)

    return answer


async def explain_all(req: CitizenRequest) -> Response:
    """The list of all failure classes."""
    frame = req.frame()
    return req.answer(PageResponse("errors", base_context(frame)), frame)


async def explain(req: CitizenRequest) -> Response:
    """The page of one failure class; 404 for an unknown one."""
    try:
        failure = FailureClass(req.request.path_params["failure"])
    except ValueError:
        raise HTTPException(404) from None
    frame = req.frame()
    return req.answer(PageResponse("explained", {**base_context(frame), "failure": failure.value}), frame)
