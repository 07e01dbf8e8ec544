"""Responses and forms of the simulator."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, JSONResponse, Response

from providers.simulator.requests import BadRequest, parameters

MAX_FORM: Final = 65_536
NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def page(text: str, *leads_to: str, status: int = 200, frames: Sequence[str] = ()) -> Response:
    """A page without script. `leads_to`: targets of its form after redirects, since browsers check every redirect
    (`form-action`). `frames` are the URLs that it shows in frames."""
    origins = [f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, leads_to)]
    shown = sorted({f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, frames)})
    policy = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
    policy += " ".join(["form-action 'self'", *origins])
    if shown:
        policy += " ".join(["; frame-src", *shown])
    headers = {
        **NO_STORE,
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return HTMLResponse(text, status, headers=headers)


async def read_form(request: HttpRequest) -> Mapping[str, str]:
    """The fields of a form, each once. Raises BadRequest."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_FORM:
            raise BadRequest("The form is too large.")
    try:
        return parameters(body.decode("ascii"))
    except UnicodeDecodeError:
        raise BadRequest("The form cannot be read.") from None


def error_response(code: str, status: int) -> Response:
    """An error of an endpoint (RFC 6749 5.2)."""
    return JSONResponse({"error": code}, status, headers=NO_STORE)
