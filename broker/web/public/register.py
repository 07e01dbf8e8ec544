"""The services at which a citizen may begin from here (OpenID Connect Core 4)."""

from collections.abc import Awaitable, Callable, Sequence

from starlette.responses import Response

from broker.model.service import Service
from broker.oidc.initiation import initiate_login
from broker.web.citizens.frame import outer
from broker.web.citizens.visit import Visit
from broker.web.pages import Sheet
from broker.web.shown import Shown

SHEETS = (Sheet("services", "public/services.html"),)


def register(services: Sequence[Service], issuer: str) -> Callable[[Visit], Awaitable[Response]]:
    """The page that lists them, each with the address where it starts a sign-in."""
    begun = [(service, url) for service in services if (url := initiate_login(service, issuer)) is not None]

    async def answer(here: Visit) -> Response:
        frame = here.frame()
        code = frame.language.code
        listed = sorted((service.name(code), url) for service, url in begun)
        return here.answer(Shown("services", {**outer(frame), "listed": listed}), frame)

    return answer
