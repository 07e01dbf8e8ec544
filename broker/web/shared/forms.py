"""What was sent to a page of ours, read strictly: a query, or a form if it is the person's own doing."""

from collections.abc import Mapping

from starlette.requests import Request

from broker.oidc.form_parser import UnreadableForm, parse_legible, read_callback, read_form
from broker.oidc.parameters import CALLBACK
from broker.web.shared import csrf, request_parsing


async def own_form(
    request: Request, marks: csrf.MacSigner, secrets: tuple[str, ...], place: str, origin: str
) -> Mapping[str, str] | None:
    """The fields of the form, or None if it cannot be read or cannot be shown to come from the person's own page.

    `secrets` are the browser's, `place` is what the form's token was made for, `origin` is our own.
    """
    if not csrf.from_here(
        request_parsing.header(request, b"sec-fetch-site"), request_parsing.header(request, b"origin"), origin
    ):
        return None
    try:
        form = read_form(await request.body(), request_parsing.content_type(request))
    except UnreadableForm:
        return None
    return form if csrf.token_holds(marks, secrets, place, form.get(csrf.FIELD, "")) else None


def answer_parameters(request: Request) -> Mapping[str, str] | None:
    """The answer of a provider in the query, or None if what decides it cannot be read in one way only.

    Parameters that are unknown here are ignored if they are repeated or malformed (RFC 6749 4.1.2).
    """
    try:
        return read_callback(request.scope["query_string"], CALLBACK)
    except UnreadableForm:
        return None


def answered_state(request: Request) -> str:
    """The `state` of an answer, if it is there once and well formed, whatever stands beside it; else an empty text."""
    try:
        return parse_legible(request.scope["query_string"]).get("state", "")
    except UnreadableForm:
        return ""
