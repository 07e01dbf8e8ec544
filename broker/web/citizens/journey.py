"""The page of a transaction, and everything that is done on it. Every POST ends at the page again."""

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.browser import Shared
from broker.web.answers import nothing_begun
from broker.web.citizens.doors import Refusal
from broker.web.citizens.showing import show
from broker.web.citizens.visit import Door, Visit, language_of, onward, question_of, remember, visit
from broker.web.citizens.ways import HELP
from broker.web.forms import answer_parameters, answered_state

Page = Callable[[Visit], Awaitable[Response]]


def journey_routes(door: Door) -> list[Route]:
    """The routes of this file."""

    async def callback(request: Request) -> Response:
        if request.method == "HEAD":
            return await _peek_callback(_visit(door, request))
        return await _callback(_visit(door, request), request.path_params["provider"])

    return [
        Route("/journey/{handle}", page(door, look), methods=["GET"]),
        Route("/journey/{handle}", page(door, look_in_another_language), methods=["POST"]),
        Route("/journey/{handle}/choose", page(door, choose), methods=["POST"]),
        Route("/journey/{handle}/share", page(door, share), methods=["POST"]),
        Route("/journey/{handle}/give-up", page(door, give_up), methods=["POST"]),
        Route("/callback/{provider}", callback, methods=["GET"]),
    ]


def page(door: Door, answer: Page) -> Callable[[Request], Awaitable[Response]]:
    """A handler for Starlette.

    HEAD asks whether a transaction has a page, and no more: looking at the page can answer the service.
    """

    async def handler(request: Request) -> Response:
        here = _visit(door, request)
        if request.method == "HEAD" and here.handle:
            return await _peek(here, here.handle, 200)
        return await answer(here)

    return handler


async def _peek_callback(here: Visit) -> Response:
    """HEAD takes no answer in: it says whether `state` names a transaction of this browser."""
    return await _peek(here, answered_state(here.request).partition(".")[0], 303)


async def _peek(here: Visit, handle: str, status: int) -> Response:
    """`status` if the transaction has a page, else the page that says that the place is lost."""
    lost = await here.door.citizen.peek(handle, here.browser)
    if lost is None:
        return nothing_begun(status)
    frame = here.frame()
    return here.answer(show(lost, frame, here.held), frame)


def _visit(door: Door, request: Request) -> Visit:
    found = visit(door, request)
    if found is None:
        raise HTTPException(404)
    return found


async def look(here: Visit) -> Response:
    """What the stored state says, and nothing else."""
    view, shared = await here.door.citizen.look(here.handle, here.browser)
    frame = here.frame(language_of(view), question=question_of(view))
    return here.answer(show(view, frame, here.held), frame, shared)


async def look_in_another_language(here: Visit) -> Response:
    """The page once more, with what was typed into it. Nothing of that stands in an address."""
    other = here.switched(await here.form())
    return onward(here.base, "again") if other is None else await look(other)


async def choose(here: Visit) -> Response:
    """A way was chosen: a provider, or a person."""
    form = await here.form()
    if form is None:
        return onward(here.base, "again")
    chosen = form.get("provider", "")
    if not chosen:
        return onward(here.base, "choice")
    if chosen == HELP:
        return onward(f"{here.base}/help")
    outcome = await here.door.citizen.choose(here.handle, here.browser, chosen)
    return onward(here.base, "gone" if isinstance(outcome, Refusal) else "")


async def share(here: Visit) -> Response:
    """The citizen agreed to share, or did not."""
    form = await here.form()
    answered = (form or {}).get("agree", "")
    if answered not in ("yes", "no"):
        return onward(here.base, "again")
    outcome = await here.door.citizen.share(here.handle, here.browser, answered == "yes")
    response = onward(here.base)
    if isinstance(outcome, Shared):
        remember(response, here.browser, outcome)
    return response


async def give_up(here: Visit) -> Response:
    """Back to the service without an answer."""
    if await here.form() is None:
        return onward(here.base, "again")
    await here.door.citizen.give_up(here.handle, here.browser)
    return onward(here.base)


async def _callback(here: Visit, provider: str) -> Response:
    """What a provider sent. A query whose `code`, `state`, `iss` or `error` is repeated or malformed counts as none.

    If its `state` can be read all the same, it leads back to the page of the transaction.
    """
    named = answered_state(here.request)
    outcome = await here.door.citizen.complete(provider, answer_parameters(here.request), here.browser, named)
    if isinstance(outcome, str):
        return onward(f"/journey/{outcome}")
    frame = here.frame()
    return here.answer(show(outcome, frame, here.held), frame)
