"""The services at which a citizen may begin from here (OpenID Connect Core 4)."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.responses import Response

from broker.model.service import Service
from broker.oidc.third_party_login import initiate_login
from broker.web.citizens.page_context import base_context
from broker.web.citizens.request import CitizenRequest
from broker.web.shared.page_response import PageResponse
from broker.web.shared.pages import PageTemplate

SHEETS = (PageTemplate("services", "public/services.html"),)


def register(services: Mapping[str, Service], issuer: str) -> Callable[[CitizenRequest], Awaitable[Response]]:
    """The page that lists those of now, each with the address where it starts a sign-in."""

    async def answer(here: CitizenRequest) -> Response:
        frame = here.frame()
        code = frame.language.code
        begun = ((service.name(code), initiate_login(service, issuer)) for service in services.values())
        listed = sorted((name, url) for name, url in begun if url is not None)
        return here.answer(PageResponse("services", {**base_context(frame), "listed": listed}), frame)

    return answer
