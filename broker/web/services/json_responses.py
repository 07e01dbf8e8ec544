"""JSON and JWT responses of the services' endpoints; renders `EndpointError`, adds x-fapi-interaction-id."""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from broker.actions.endpoints.context import EndpointContext, dpop_nonces
from broker.model.json_types import JsonObject
from broker.model.store_results import StoreUnavailable
from broker.oidc.errors import EndpointError
from broker.oidc.form_parser import UnreadableForm
from broker.platform.system import System
from broker.web.services.error_log import log_protocol_error
from broker.web.shared import request_parsing
from broker.web.shared.responses import RawResponse

LOG = logging.getLogger("portico.services")
NO_STORE = {"Cache-Control": "no-store"}

INTERACTION_ID: Final = "x-fapi-interaction-id"
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)

Handler = Callable[[Request], Awaitable[Response]]


def json_reply(content: JsonObject, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON object with Cache-Control: no-store (RFC 6749 5.1)."""
    return _reply(msgspec.json.encode(content), "application/json", status, headers)


def jwt_reply(text: str, content_type: str, headers: Mapping[str, str] | None = None) -> Response:
    """A JWT with Cache-Control: no-store (OpenID Connect Core 5.3.2, RFC 9701 5)."""
    return _reply(text.encode("ascii"), content_type, 200, headers)


def _reply(body: bytes, content_type: str, status: int, headers: Mapping[str, str] | None) -> Response:
    raw = [(b"cache-control", b"no-store"), (b"content-type", content_type.encode("ascii"))]
    if headers:
        raw += [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
    return RawResponse(status, body, raw)


def single(request: Request, name: bytes) -> str | None:
    """The value of a header. Raises EndpointError if it is repeated: which one counts would be a guess."""
    values = request_parsing.header_values(request, name)
    if len(values) > 1:
        raise EndpointError("invalid_request", f"more than one {name.decode()} header")
    return values[0] if values else None


def with_error_responses(handler: Handler, context: EndpointContext) -> Handler:
    """Wraps a handler: a protocol error becomes its JSON response, an unreachable store 503."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except EndpointError as error:
            return await _token_error(request, error, context)
        except UnreadableForm as unreadable:
            return await _token_error(request, unreadable.token_error(), context)
        except StoreUnavailable as unavailable:
            LOG.warning("store_unavailable", extra={"path": request_parsing.path(request), "detail": str(unavailable)})
            content = {"error": "temporarily_unavailable", "error_description": "please try again shortly"}
            return json_reply(content, 503, {"Retry-After": "5"})

    return answer


async def _token_error(request: Request, error: EndpointError, context: EndpointContext) -> Response:
    """An error response with status and challenge; adds a new DPoP nonce if the error asks for one (RFC 9449 8)."""
    log_protocol_error(request, error)
    headers: dict[str, str] = {}
    if error.challenge is not None:
        headers["WWW-Authenticate"] = error.challenge
    if error.nonce:
        headers["DPoP-Nonce"] = (await dpop_nonces(context)).issue(context.system.now())
    return json_reply(error.body(), error.status, headers)


def with_interaction_id(handler: Handler, system: System) -> Handler:
    """Wraps a handler: adds x-fapi-interaction-id, by which service and broker match a call in both logs.

    The id is the service's if it is a UUID, else a random one (RFC 9562 5.4). FAPI 1.0 Baseline 6.2.1, for FAPI-CIBA.
    """

    async def answer(request: Request) -> Response:
        given = request_parsing.header(request, INTERACTION_ID.encode())
        response = await handler(request)
        if given is None or not _UUID.fullmatch(given):
            given = str(UUID(bytes=system.random_bytes(16), version=4))
        response.headers[INTERACTION_ID] = given
        return response

    return answer
