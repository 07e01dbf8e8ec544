"""Endpoints of shared signals: the stream management API and polls (SSF 1.0, 7, 8; RFC 8936).

Services call them with tokens of their own: `ssf.read` reads and polls, `ssf.manage` may do everything.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.endpoints.client_credentials import own_caller
from broker.actions.endpoints.context import EndpointRequest, request_nonces
from broker.actions.signals import streams as api
from broker.actions.signals.streams import StreamContext
from broker.crypto.jose import strict_json
from broker.model.json_types import JsonObject
from broker.model.media import media_type
from broker.model.own_rights import OwnScope
from broker.model.service import Service
from broker.oidc.errors import EndpointError
from broker.oidc.event_streams import WELL_KNOWN
from broker.oidc.mtls import client_certificate
from broker.web.middleware.client_certificates import forwarded_certificate
from broker.web.services.cors import CALLERS
from broker.web.services.json_responses import NO_STORE, Handler, single, with_error_responses
from broker.web.shared import request_parsing

READ: Final = (OwnScope.SSF_READ, OwnScope.SSF_MANAGE)
MANAGE: Final = (OwnScope.SSF_MANAGE,)

Action = Callable[[Service, Request], Awaitable[tuple[int, object]]]
"""Answers a call of a service: the status, and the content or None."""


def signal_routes(context: StreamContext) -> list[Route]:
    """The routes of the transmitter."""
    metadata = msgspec.json.encode(context.urls.metadata())

    async def configuration(_request: Request) -> Response:
        return Response(metadata, headers={"Cache-Control": "public, max-age=300"}, media_type="application/json")

    async def create(service: Service, request: Request) -> tuple[int, object]:
        return 201, await api.create_stream(context, service, await _body(request))

    async def read(service: Service, request: Request) -> tuple[int, object]:
        return 200, await api.read_stream(context, service, request.query_params.get("stream_id"))

    async def update(service: Service, request: Request) -> tuple[int, object]:
        replacing = request.method == "PUT"
        return 200, await api.change_stream(context, service, await _body(request), replacing=replacing)

    async def delete(service: Service, request: Request) -> tuple[int, object]:
        await api.delete_stream(context, service, request.query_params.get("stream_id"))
        return 204, None

    async def status(service: Service, request: Request) -> tuple[int, object]:
        return 200, await api.read_status(context, service, request.query_params.get("stream_id"))

    async def set_status(service: Service, request: Request) -> tuple[int, object]:
        return 200, await api.change_status(context, service, await _body(request))

    async def add(service: Service, request: Request) -> tuple[int, object]:
        await api.add_subject(context, service, await _body(request))
        return 200, None

    async def remove(service: Service, request: Request) -> tuple[int, object]:
        await api.remove_subject(context, service, await _body(request))
        return 204, None

    async def verify(service: Service, request: Request) -> tuple[int, object]:
        await api.request_verification(context, service, await _body(request))
        return 204, None

    async def poll(service: Service, request: Request) -> tuple[int, object]:
        return 200, await api.poll(context, service, request.path_params["stream"], await _body(request))

    def at(path: str, action: Action, scopes: tuple[OwnScope, ...], *methods: str) -> Route:
        return Route(path, with_error_responses(_called(context, action, scopes), context.endpoints), methods=methods)

    return [
        Route(WELL_KNOWN, configuration, methods=["GET"]),
        at("/ssf/streams", read, READ, "GET"),
        at("/ssf/streams", create, MANAGE, "POST"),
        at("/ssf/streams", update, MANAGE, "PATCH", "PUT"),
        at("/ssf/streams", delete, MANAGE, "DELETE"),
        at("/ssf/status", status, READ, "GET"),
        at("/ssf/status", set_status, MANAGE, "POST"),
        at("/ssf/subjects/add", add, MANAGE, "POST"),
        at("/ssf/subjects/remove", remove, MANAGE, "POST"),
        at("/ssf/verify", verify, MANAGE, "POST"),
        at("/ssf/poll/{stream}", poll, READ, "POST"),
    ]


def _called(context: StreamContext, action: Action, scopes: tuple[OwnScope, ...]) -> Handler:
    """A handler that authenticates the service before its request is read further."""

    async def handle(request: Request) -> Response:
        call = EndpointRequest(
            method=request.method,
            url=context.urls.url(request_parsing.path(request)),
            parameters={},
            authorization=single(request, b"authorization"),
            proofs=tuple(request_parsing.header_values(request, b"dpop")),
            address=request_parsing.client_ip(request),
            certificate=client_certificate(forwarded_certificate(request.scope)),
            client_ids=request.scope["state"].get(CALLERS, []),
        )
        service = await own_caller(context.endpoints, call, *scopes)
        status, content = await action(service, request)
        headers = dict(NO_STORE)
        if call.proofs:
            headers["DPoP-Nonce"] = (await request_nonces(context.endpoints, call)).issue(
                context.endpoints.system.now()
            )
        body = b"" if content is None else msgspec.json.encode(content)
        return Response(body, status, headers, None if content is None else "application/json")

    return handle


async def _body(request: Request) -> JsonObject:
    """The JSON object in the body, parsed strictly."""
    kind = media_type(request_parsing.content_type(request))
    try:
        content = strict_json(await request.body()) if kind == "application/json" else None
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise EndpointError("invalid_request", "one JSON object in UTF-8 is needed, of content type application/json")
    return content
