"""Push endpoint for security events of providers (RFC 8935)."""

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from broker.actions.signals.received import ReceivedEventContext, receive_event
from broker.model.media import media_type
from broker.model.provider_event import RefusedEvent
from broker.web.services.json_responses import NO_STORE
from broker.web.shared.request_parsing import content_type, header_values

PUSHED: Final = "application/secevent+jwt"

DESCRIPTIONS: Final = {
    "invalid_request": "the request is not a Security Event Token",
    "invalid_key": "the signature cannot be verified",
    "invalid_issuer": "the issuer is not the one that is expected",
    "invalid_audience": "the audience is not this broker",
    "authentication_failed": "the Authorization header is missing or wrong",
    "access_denied": "no events are expected from this provider",
}
"""Descriptions of errors (RFC 8935 2.4). The log says more."""


def provider_event_routes(context: ReceivedEventContext) -> list[Route]:
    """`/providers/{provider}/events`: 202 for an accepted token, 400 with an error for another (RFC 8935 2.2, 2.3)."""

    async def pushed(request: Request) -> Response:
        headers, token = header_values(request, b"authorization"), await _token(request)
        if token is None or len(headers) > 1:
            return _refused(RefusedEvent("invalid_request", ""))
        provider, authorization = request.path_params["provider"], headers[0] if headers else None
        refused = await receive_event(context, provider, token, authorization)
        return Response(status_code=202, headers=NO_STORE) if refused is None else _refused(refused)

    return [Route("/providers/{provider}/events", pushed, methods=["POST"])]


async def _token(request: Request) -> str | None:
    """The token in the body; None if the content type is another, or the body is no ASCII."""
    body = await request.body()
    fits = media_type(content_type(request)) == PUSHED and body.isascii()
    return body.decode("ascii").strip() if fits else None


def _refused(refused: RefusedEvent) -> Response:
    content = {"err": refused.error, "description": DESCRIPTIONS[refused.error]}
    return JSONResponse(content, 400, headers={**NO_STORE, "Content-Language": "en"})
