"""Finishing later: a code that brings the citizen back, on any device, and the page where it is typed in."""

from starlette.responses import Response
from starlette.routing import Route

from broker.actions.views import CheckAndShare, Choose, Waiting, WentWrong
from broker.web import cookies
from broker.web.answers import set_cookie
from broker.web.citizens.doors import Continuation
from broker.web.citizens.frame import Typed
from broker.web.citizens.journey import page
from broker.web.citizens.showing import show
from broker.web.citizens.slip import slip
from broker.web.citizens.visit import Door, Visit, language_of, onward
from broker.web.pages import Sheet
from broker.web.shown import Shown

SHEETS = (
    Sheet("later", "citizens/later.html"),
    Sheet("continue", "citizens/continue.html"),
)
PLACE = "continue"
"""What the token of the page for typing in a code is made for: there is no transaction yet."""


def later_routes(door: Door) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/journey/{handle}/later", page(door, look), methods=["GET"]),
        Route("/journey/{handle}/later", page(door, make), methods=["POST"]),
        Route("/continue", page(door, ask), methods=["GET"]),
        Route("/continue", page(door, take), methods=["POST"]),
    ]


async def look(here: Visit) -> Response:
    """The code, as long as this browser remembers it; else the button that makes one."""
    view, shared = await here.door.citizen.look(here.handle, here.browser)
    frame = here.frame(language_of(view))
    if not isinstance(view, Choose | WentWrong | CheckAndShare | Waiting):
        return here.answer(show(view, frame, here.held), frame, shared)
    until = frame.language.moment(view.transaction.expires, frame.now)
    holes = frame.holes(view.service, until=until, **slip(here.held.get(cookies.CODE), frame))
    return here.answer(Shown("later", holes), frame, shared)


async def make(here: Visit) -> Response:
    """Makes a code. The browser remembers it for some minutes, so that a reload or the back button does not lose it."""
    if await here.form() is None:
        return onward(f"{here.base}/later", "again")
    given = await here.door.citizen.finish_later(here.handle, here.browser)
    if not isinstance(given, Continuation):
        return onward(here.base)
    response = onward(f"{here.base}/later")
    set_cookie(response, cookies.code(here.handle, given.code))
    return response


async def ask(here: Visit) -> Response:
    """Where a code is typed in. A camera brings it along; it still has to be sent by hand."""
    frame = here.frame(place=PLACE)
    brought = here.request.query_params.get("code", "")[:64]
    typed = here.typed or {"code": "".join(letter for letter in brought if letter.isalnum() or letter == "-")}
    return here.answer(Shown("continue", frame.holes(None, typed=Typed(typed), keeps=True)), frame)


async def take(here: Visit) -> Response:
    """Takes the place up in this browser. The browser that had it before loses it."""
    form = await here.form(PLACE)
    if form is None:
        return onward("/continue", "again")
    if (other := here.switched(form)) is not None:
        return await ask(other)
    resumed = await here.door.citizen.resume(form.get("code", "")[:64])
    if resumed is None:
        return onward("/continue", "code")
    response = onward(f"/journey/{resumed.handle}")
    set_cookie(response, cookies.browser(here.browser.secrets, resumed.secret))
    if resumed.code is not None:
        set_cookie(response, cookies.code(resumed.handle, resumed.code))
    return response
