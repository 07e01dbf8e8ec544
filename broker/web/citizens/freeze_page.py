"""The page behind the link of "your identity was checked: was this you?": one press stops the identity.

It shows nothing personal, and signs no one in. Opening it changes nothing: mail programs open links by themselves.
"""

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.freezing.links import FreezeLinks
from broker.actions.results import RateLimited
from broker.web.citizens.journey import page
from broker.web.citizens.rate_limit_page import rate_limited_page
from broker.web.citizens.request import CitizenApp, CitizenRequest, redirect_to
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse

SHEETS = (PageTemplate("freeze", "citizens/freeze.html"),)
PLACE = "freeze"
"""CSRF token place of the page, which belongs to no transaction."""


def freeze_routes(app: CitizenApp, links: FreezeLinks) -> list[Route]:
    """The routes of `/freeze/{link}`."""

    async def ask(req: CitizenRequest) -> Response:
        frame = req.frame(place=PLACE)
        state = await links.state_of_link(req.request.path_params["link"], req.browser.address)
        if isinstance(state, RateLimited):
            return req.answer(rate_limited_page(state, frame), frame)
        return req.answer(PageResponse("freeze", frame.template_variables(None, state=state.value, keeps=True)), frame)

    async def press(req: CitizenRequest) -> Response:
        link = req.request.path_params["link"]
        form = await req.form(PLACE)
        if form is None:
            return redirect_to(f"/freeze/{link}", "again")
        if (other := req.switched(form)) is not None:
            return await ask(other)
        if (limited := await links.stop_identity(link, req.browser.address)) is not None:
            frame = req.frame(place=PLACE)
            return req.answer(rate_limited_page(limited, frame), frame)
        return redirect_to(f"/freeze/{link}")

    return [
        Route("/freeze/{link}", page(app, ask), methods=["GET"]),
        Route("/freeze/{link}", page(app, press), methods=["POST"]),
    ]
