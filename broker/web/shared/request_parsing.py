"""Request parsing: headers, the client's IP address, a provider's callback, and forms with a CSRF check.

Headers are read from the ASGI scope directly, which is cheaper than Starlette's `Headers`. Names are bytes in lower
case, as servers pass them (ASGI, HTTP connection scope); values are decoded as Latin-1 (RFC 9110 5.5).
"""

import re
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request

from broker.crypto.jose import claimed
from broker.model.address import UNKNOWN, rate_limit_key
from broker.model.media import media_type
from broker.oidc.form_parser import UnreadableForm, parse_legible, read_callback, read_form
from broker.oidc.parameters import CALLBACK
from broker.web.shared import csrf


def header(request: Request, name: bytes) -> str | None:
    """The first header of this name, or None."""
    for known, value in request.scope["headers"]:
        if known == name:
            text: str = value.decode("latin-1")
            return text
    return None


def path(request: Request) -> str:
    """The request path. Not taken from `request.url`, which is built from the client's `Host` header."""
    return str(request.scope["path"])


def header_values(request: Request, name: bytes) -> list[str]:
    """All headers of this name, in their order."""
    return [value.decode("latin-1") for known, value in request.scope["headers"] if known == name]


def joined_header(request: Request, name: bytes, between: str = ", ") -> str | None:
    """All headers of this name joined into one list, or None (RFC 9110 5.3, RFC 9113 8.2.3)."""
    return between.join(header_values(request, name)) or None


def content_type(request: Request) -> str | None:
    """The content type. Two headers are joined (RFC 9110 5.3), which gives a value that no parser accepts."""
    return joined_header(request, b"content-type")


def request_id(request: Request) -> str:
    """The id that `EdgeMiddleware` assigned to the request; "" without that middleware."""
    found: str = request.scope.get("state", {}).get("request_id", "")
    return found


def client_ip(request: Request) -> str:
    """The client's address as the key of rate limits (`model.address.rate_limit_key`)."""
    client = request.scope.get("client")
    return rate_limit_key(str(client[0])) if client else UNKNOWN


async def own_form(
    request: Request, marks: csrf.MacSigner, secrets: tuple[str, ...], place: str, origin: str
) -> Mapping[str, str] | None:
    """The fields of a posted form; None if it cannot be parsed or fails the CSRF check.

    `secrets` are the browser's, `place` is what the form's token was issued for, `origin` is the broker's own.
    """
    if not comes_from(request, origin):
        return None
    try:
        form = read_form(await request.body(), content_type(request))
    except UnreadableForm:
        return None
    return form if csrf.token_holds(marks, secrets, place, form.get(csrf.FIELD, "")) else None


def comes_from(request: Request, origin: str) -> bool:
    """Whether the request's headers say that it comes from the broker's own pages (`csrf.from_here`)."""
    return csrf.from_here(header(request, b"sec-fetch-site"), header(request, b"origin"), origin)


def answer_parameters(request: Request) -> Mapping[str, str] | None:
    """A provider's authorization response in the query; None if a parameter that matters is repeated or malformed.

    Unknown parameters are ignored, also if they are repeated or malformed (RFC 6749 4.1.2). The `state` of a response
    that is a token (JARM) is taken from it, unverified, to find what it answers.
    """
    try:
        return _with_state(read_callback(request.scope["query_string"], CALLBACK))
    except UnreadableForm:
        return None


def _with_state(parameters: Mapping[str, str]) -> Mapping[str, str]:
    if "response" not in parameters or "state" in parameters:
        return parameters
    return {**parameters, "state": claimed(parameters["response"], "state") or ""}


async def posted_answer(request: Request) -> str | None:
    """The query of a posted response (OAuth 2.0 Form Post Response Mode); None if it is no form, or too long."""
    body = await request.body()
    kind = media_type(content_type(request))
    fits = kind == "application/x-www-form-urlencoded" and _QUERY.fullmatch(body) is not None
    return body.decode("ascii") if fits else None


_QUERY: Final = re.compile(rb"[A-Za-z0-9%&=+_.~*-]{0,8192}")


def answered_state(request: Request) -> str:
    """The `state` of an authorization response if it occurs once and is well formed, else "".

    Other parameters may be malformed.
    """
    try:
        return _with_state(parse_legible(request.scope["query_string"])).get("state", "")
    except UnreadableForm:
        return ""
