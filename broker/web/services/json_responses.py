"""How outcomes and protocol errors are written as answers to services. The one place that renders a EndpointError."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from broker.actions.endpoints.context import EndpointContext, dpop_nonces
from broker.model.store_results import StoreUnavailable
from broker.oidc.errors import EndpointError
from broker.oidc.form_parser import UnreadableForm
from broker.web.services.error_log import log_protocol_error
from broker.web.shared import request_parsing
from broker.web.shared.responses import RawResponse

LOG = logging.getLogger("portico.services")
NO_STORE = {"Cache-Control": "no-store"}

Handler = Callable[[Request], Awaitable[Response]]


def json_reply(content: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON object that nobody keeps (RFC 6749 5.1)."""
    return _reply(msgspec.json.encode(content), "application/json", status, headers)


def jwt_reply(text: str, content_type: str, headers: Mapping[str, str] | None = None) -> Response:
    """A JWT that nobody keeps (OpenID Connect Core 5.3.2, RFC 9701 5)."""
    return _reply(text.encode("ascii"), content_type, 200, headers)


def _reply(body: bytes, content_type: str, status: int, headers: Mapping[str, str] | None) -> Response:
    raw = [(b"cache-control", b"no-store"), (b"content-type", content_type.encode("ascii"))]
    if headers:
        raw += [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
    return RawResponse(status, body, raw)


def single(request: Request, name: bytes) -> str | None:
    """The header's value. Two of them are refused: who wins would be a guess."""
    values = request_parsing.header_values(request, name)
    if len(values) > 1:
        raise EndpointError("invalid_request", f"more than one {name.decode()} header")
    return values[0] if values else None


def with_error_responses(handler: Handler, counter: EndpointContext) -> Handler:
    """The handler, with every protocol error turned into its answer, and a store out of reach into 503."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except EndpointError as error:
            return await _token_error(request, error, counter)
        except UnreadableForm as unreadable:
            return await _token_error(request, unreadable.token_error(), counter)
        except StoreUnavailable as unavailable:
            LOG.warning("store_unavailable", extra={"path": request_parsing.path(request), "detail": str(unavailable)})
            told = {"error": "temporarily_unavailable", "error_description": "please try again shortly"}
            return json_reply(told, 503, {"Retry-After": "5"})

    return answer


async def _token_error(request: Request, error: EndpointError, counter: EndpointContext) -> Response:
    """A protocol error with status and challenge; a new DPoP nonce goes along where one is asked for (RFC 9449 8)."""
    log_protocol_error(request, error)
    headers: dict[str, str] = {}
    if error.challenge is not None:
        headers["WWW-Authenticate"] = error.challenge
    if error.nonce:
        headers["DPoP-Nonce"] = (await dpop_nonces(counter)).issue(counter.system.now())
    return json_reply(error.body(), error.status, headers)
