"""How outcomes and protocol errors are written as answers to services. The one place that renders a TokenError."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from broker.actions.needs import Unavailable
from broker.oidc.errors import TokenError
from broker.oidc.forms import Unreadable

LOG = logging.getLogger("portico.services")
NO_STORE = {"Cache-Control": "no-store"}

Handler = Callable[[Request], Awaitable[Response]]


def json_reply(content: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON object that nobody keeps (RFC 6749 5.1)."""
    return Response(
        msgspec.json.encode(content), status, {**NO_STORE, **(headers or {})}, media_type="application/json"
    )


def token_error(error: TokenError, nonce: Callable[[], str], error_uri: str | None = None) -> Response:
    """A protocol error with its status and its challenge; a new DPoP nonce goes along where that is all that lacks."""
    headers: dict[str, str] = {}
    if error.challenge is not None:
        headers["WWW-Authenticate"] = error.challenge
    if error.nonce:
        headers["DPoP-Nonce"] = nonce()
    return json_reply(error.body(error_uri), error.status, headers)


def answering(handler: Handler, nonce: Callable[[], str]) -> Handler:
    """The handler, with every protocol error turned into its answer, and a store out of reach into 503."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except TokenError as error:
            _log(request, error)
            return token_error(error, nonce)
        except Unreadable as unreadable:
            error = unreadable.token_error()
            _log(request, error)
            return token_error(error, nonce)
        except Unavailable:
            LOG.warning("store_unavailable", extra={"path": request.url.path})
            return json_reply(
                {"error": "temporarily_unavailable", "error_description": "please try again shortly"},
                503,
                {"Retry-After": "5"},
            )

    return answer


def _log(request: Request, error: TokenError) -> None:
    LOG.info("refused", extra={"path": request.url.path, "error": error.code, "detail": error.detail})
