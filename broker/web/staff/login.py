"""Login to the console and logout. Staff sign in at their own organisation; the console asks for no secret."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from broker.actions.assisted.staff_login import LoginFailure
from broker.web.citizens.failure_texts import marked
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import nothing_begun
from broker.web.staff import cookies
from broker.web.staff.request import StaffApp, StaffRequest, local_path, public, redirect_to

SHEETS = (
    PageTemplate("sign-in", "staff/sign_in.html"),
    PageTemplate("turned-away", "staff/turned_away.html"),
    PageTemplate("signed-out", "staff/signed_out.html"),
)
AWAY: Final = 3600
"""How long (seconds) the cookie of a sign-in lasts. The sign-in itself expires earlier (`staff_login.ATTEMPT_LIFE`)."""

TELLINGS: Final[Mapping[LoginFailure, tuple[str, str]]] = MappingProxyType(
    {
        LoginFailure.UNAVAILABLE: (
            marked("The sign-in of your organisation does not answer"),
            marked("Try again in a moment. If it goes on, tell the people who run it."),
        ),
        LoginFailure.NOT_FINISHED: (
            marked("You did not finish signing in"),
            marked("You came back before your organisation told us who you are."),
        ),
        LoginFailure.NOT_STAFF: (
            marked("This account is not for the console"),
            marked("Whoever looks after the console has to enter you first."),
        ),
        LoginFailure.TOO_WEAK: (
            marked("This sign-in was not strong enough"),
            marked("The console needs your second factor, such as a security key. Sign in once more with it."),
        ),
        LoginFailure.OTHER_PERSON: (
            marked("That was somebody else"),
            marked("To go on, the person who was signed in here has to sign in again."),
        ),
        LoginFailure.UNUSABLE: (
            marked("The answer of your organisation could not be used"),
            marked("Something in it was missing or wrong. Try again. If it goes on, the log of the broker says what."),
        ),
        LoginFailure.LOST: (
            marked("This sign-in was begun elsewhere, or too long ago"),
            marked("Start it again from here."),
        ),
    }
)


def entry_routes(app: StaffApp) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/sign-in", public(app, show_sign_in), methods=["GET"]),
        Route("/sign-in/go", public(app, start_login), methods=["GET"]),
        Route("/callback", public(app, callback), methods=["GET"]),
        Route("/sign-out", public(app, sign_out), methods=["POST"]),
        Route("/signed-out", public(app, signed_out), methods=["GET"]),
    ]


async def show_sign_in(req: StaffRequest) -> Response:
    """The page before the sign-in. With a session it redirects to the page that was asked for."""
    then = local_path(req.query.get("then", "/"))
    if req.principal is not None:
        return redirect_to(then)
    return req.page("sign-in", sign_in_url=sign_in_link(then))


def sign_in_link(then: str) -> str:
    """The link to the staff provider that leads back to a path. It is no form, because browsers apply `form-action`
    (CSP) to every redirect after a form."""
    return f"/sign-in/go?then={then}"


async def start_login(req: StaffRequest) -> Response:
    """Redirects to the staff provider. HEAD begins no sign-in."""
    if req.request.method == "HEAD":
        return nothing_begun(303)
    departed = cookies.read_departed(req.cookies.get(cookies.DEPARTED))
    then = local_path(req.query.get("then", "/"))
    departing = await req.app.login.begin(then, req.session, req.request_id, departed)
    if isinstance(departing, LoginFailure):
        return _turned_away(req, departing)
    response = RedirectResponse(departing.url, 303)
    response.headers.append("set-cookie", cookies.set_attempt(departing.secret, AWAY))
    return response


async def callback(req: StaffRequest) -> Response:
    """The callback of the staff provider. HEAD redeems no code."""
    if req.request.method == "HEAD":
        return nothing_begun(303)
    arrived = await req.app.login.complete(req.query, req.cookies.get(cookies.ATTEMPT), req.session, req.request_id)
    if isinstance(arrived, LoginFailure):
        return _turned_away(req, arrived)
    response = redirect_to(local_path(arrived.then))
    response.headers.append("set-cookie", cookies.set_session(arrived.session))
    response.headers.append("set-cookie", cookies.clear_attempt())
    response.headers.append("set-cookie", cookies.clear_departed())
    return response


async def sign_out(req: StaffRequest) -> Response:
    """Ends the session."""
    if await req.form() is None:
        return redirect_to("/", problem="again")
    auth_time = await req.app.login.end_session(req.session)
    response = redirect_to("/signed-out")
    response.headers.append("set-cookie", cookies.clear_session())
    if auth_time is not None:
        response.headers.append("set-cookie", cookies.set_signed_out(auth_time))
    return response


async def signed_out(req: StaffRequest) -> Response:
    """The page after the logout."""
    return req.page("signed-out")


def _turned_away(req: StaffRequest, why: LoginFailure) -> Response:
    title, text = TELLINGS[why]
    status = 503 if why is LoginFailure.UNAVAILABLE else 403
    return req.page(
        "turned-away",
        status,
        title=req.language.text(title),
        text=req.language.text(text),
        sign_in_url=sign_in_link("/"),
    )
