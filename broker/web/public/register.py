"""The services at which a citizen may begin from here (OpenID Connect Core 4)."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.responses import Response

from broker.model.service import Service
from broker.oidc.initiation import initiate_login
from broker.web.citizens.frame import outer
from broker.web.citizens.visit import Visit
from broker.web.pages import Sheet
from broker.web.shown import Shown

SHEETS = (Sheet("services", "public/services.html"),)


def register(services: Mapping[str, Service], issuer: str) -> Callable[[Visit], Awaitable[Response]]:
    """The page that lists those of now, each with the address where it starts a sign-in."""

    async def answer(here: Visit) -> Response:
        frame = here.frame()
        code = frame.language.code
        begun = ((service.name(code), initiate_login(service, issuer)) for service in services.values())
        listed = sorted((name, url) for name, url in begun if url is not None)
        return here.answer(Shown("services", {**outer(frame), "listed": listed}), frame)

    return answer
