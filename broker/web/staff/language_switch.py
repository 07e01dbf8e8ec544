"""The switch of the console's language, which is stored in a cookie of the console."""

from starlette.responses import Response
from starlette.routing import Route

from broker.model.languages import lookup
from broker.web.shared.responses import set_cookie
from broker.web.staff import cookies
from broker.web.staff.request import StaffApp, StaffRequest, local_path, public, redirect_to


def language_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [Route("/language", public(app, choose), methods=["POST"])]


async def choose(req: StaffRequest) -> Response:
    """Stores the language, and leads back to the page on which it was chosen.

    A page with a form of a case has no switch, so that nothing typed is lost.
    """
    form = await req.form() or {}
    response = redirect_to(local_path(form.get("back", "/")))
    chosen = lookup(form.get("language", ""), req.app.pages.languages)
    if chosen is not None:
        set_cookie(response, cookies.set_language(chosen))
    return response
