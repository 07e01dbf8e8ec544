"""Answering a question on a device of one's own: the page where its code is typed in, and the answer to it."""

from starlette.responses import Response
from starlette.routing import Route

from broker.web import cookies
from broker.web.citizens.doors import Begun, Held
from broker.web.citizens.frame import Typed
from broker.web.citizens.held import held_back
from broker.web.citizens.journey import page
from broker.web.citizens.visit import Door, Visit, onward
from broker.web.pages import Sheet
from broker.web.shown import Shown

SHEETS = (Sheet("asked", "citizens/asked.html"),)
PLACE = "confirm"
"""What the token of the page for typing in a code is made for: there is no transaction yet."""


def asked_routes(door: Door) -> list[Route]:
    """The routes of this file."""
    return [
        Route("/confirm", page(door, ask), methods=["GET"]),
        Route("/confirm", page(door, take), methods=["POST"]),
        Route("/journey/{handle}/asked", page(door, answer_here), methods=["POST"]),
        Route("/journey/{handle}/confirm", page(door, confirm), methods=["POST"]),
    ]


async def ask(here: Visit) -> Response:
    """Where a code is typed in. An address may bring it along; it still has to be sent by hand."""
    frame = here.frame(place=PLACE)
    brought = here.request.query_params.get("code", "")[:64]
    typed = here.typed or {"code": "".join(letter for letter in brought if letter.isalnum() or letter == "-")}
    return here.answer(Shown("asked", frame.holes(None, typed=Typed(typed), keeps=True)), frame)


async def take(here: Visit) -> Response:
    """Begins a transaction for the question, in this browser."""
    form = await here.form(PLACE)
    if form is None:
        return onward("/confirm", "again")
    if (other := here.switched(form)) is not None:
        return await ask(other)
    begun = await here.door.citizen.take_question(form.get("code", "")[:64], here.browser, here.language().code)
    if isinstance(begun, Held):
        frame = here.frame(*begun.locales, place=PLACE)
        return here.answer(held_back(begun, frame), frame)
    if begun is None:
        return onward("/confirm", "code")
    response = onward(f"/journey/{begun.handle}")
    if begun.secret is not None:
        response.headers.append("set-cookie", cookies.browser((), begun.secret))
    return response


async def answer_here(here: Visit) -> Response:
    """The citizen who waits for a person answers in this browser what they ask."""
    if await here.form() is None:
        return onward(here.base, "again")
    begun = await here.door.citizen.answer_here(here.handle, here.browser)
    if isinstance(begun, Held):
        frame = here.frame(*begun.locales)
        return here.answer(held_back(begun, frame), frame)
    return onward(f"/journey/{begun.handle}" if isinstance(begun, Begun) else here.base)


async def confirm(here: Visit) -> Response:
    """The citizen confirmed, or declined."""
    answered = (await here.form() or {}).get("agree", "")
    if answered not in ("yes", "no"):
        return onward(here.base, "again")
    await here.door.citizen.confirm(here.handle, here.browser, answered == "yes")
    return onward(here.base)
