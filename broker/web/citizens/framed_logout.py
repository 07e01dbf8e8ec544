"""Front-channel logout by a provider: an address of the broker that the provider shows in a frame.

OpenID Connect Front-Channel Logout 1.0, 2 and 3.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.upstream_logout import UpstreamLogoutContext, receive_frame
from broker.oidc.form_parser import UnreadableForm, read_query
from broker.web.citizens.logout_pages import provider_frame
from broker.web.citizens.request import CitizenApp, citizen_request
from broker.web.shared import cookies
from broker.web.shared.responses import set_cookie

PLACE: Final = "framed-logout"
PARAMETERS: Final = frozenset({"iss", "sid"})


def framed_logout_routes(app: CitizenApp, context: UpstreamLogoutContext) -> list[Route]:
    """`/providers/{provider}/frontchannel-logout`. The page is the same whether a session ended or not. HEAD ends
    none."""

    async def framed(request: Request) -> Response:
        req = citizen_request(app, request)
        query = b"" if request.method == "HEAD" else request.scope["query_string"]
        try:
            parameters = read_query(query, PARAMETERS)
        except UnreadableForm:
            parameters = {}
        session = None if req is None else req.browser.session
        found = await receive_frame(context, request.path_params["provider"], parameters, session)
        if req is None or found is None:
            return Response(status_code=404)
        frame = req.frame(place=PLACE)
        response = req.answer(provider_frame(frame, found.frames, found.pages), frame)
        if found.own:
            for cookie in (cookies.no_session(), cookies.no_state()):
                set_cookie(response, cookie)
        return response

    return [Route("/providers/{provider}/frontchannel-logout", framed, methods=["GET"])]
