"""Switching the language. The transaction stays where it is."""

import re
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from broker.model.languages import lookup
from broker.web.citizens.journey import page
from broker.web.citizens.page_context import LANGUAGE_PLACE
from broker.web.citizens.request import LONGEST, CitizenApp, CitizenRequest, redirect_to
from broker.web.shared import cookies
from broker.web.shared.responses import set_cookie

_OWN: Final = re.compile(r"/(?:[A-Za-z0-9_.~-]+/?)*(?:\?[!-~]*)?")
"""An address of ours and nothing else: no host, no second slash at its head. The browser had its query before."""


def language_routes(door: CitizenApp) -> list[Route]:
    """The routes of this file."""
    return [Route("/language", page(door, switch), methods=["POST"])]


async def switch(here: CitizenRequest) -> Response:
    """Remembers the language in a cookie and goes back to the page it was chosen on."""
    form = await here.form(LANGUAGE_PLACE) or {}
    back = form.get("back", "/")
    known = [one for one in (back, back.partition("?")[0]) if len(one) < LONGEST and _OWN.fullmatch(one)]
    response = redirect_to(known[0] if known else "/")
    chosen = lookup(form.get("language", ""), here.app.pages.languages)
    if chosen is not None:
        set_cookie(response, cookies.language(chosen))
    return response
