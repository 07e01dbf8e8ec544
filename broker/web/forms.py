"""What was sent to a page of ours, read strictly: a query, or a form if it is the person's own doing."""

from collections.abc import Mapping

from starlette.requests import Request

from broker.oidc.forms import Unreadable, legible, read_answer, read_form
from broker.oidc.parameters import ANSWER
from broker.web import asked, csrf


async def own_form(
    request: Request, marks: csrf.Marks, secrets: tuple[str, ...], place: str, origin: str
) -> Mapping[str, str] | None:
    """The fields of the form, or None if it cannot be read or cannot be shown to come from the person's own page.

    `secrets` are the browser's, `place` is what the form's token was made for, `origin` is our own.
    """
    if not csrf.from_here(asked.header(request, b"sec-fetch-site"), asked.header(request, b"origin"), origin):
        return None
    try:
        form = read_form(await request.body(), asked.kind(request))
    except Unreadable:
        return None
    return form if csrf.token_holds(marks, secrets, place, form.get(csrf.FIELD, "")) else None


def answer_parameters(request: Request) -> Mapping[str, str] | None:
    """The answer of a provider in the query, or None if what decides it cannot be read in one way only.

    Parameters that are unknown here are ignored if they are repeated or malformed (RFC 6749 4.1.2).
    """
    try:
        return read_answer(request.scope["query_string"], ANSWER)
    except Unreadable:
        return None


def answered_state(request: Request) -> str:
    """The `state` of an answer, if it is there once and well formed, whatever stands beside it; else an empty text."""
    try:
        return legible(request.scope["query_string"]).get("state", "")
    except Unreadable:
        return ""
