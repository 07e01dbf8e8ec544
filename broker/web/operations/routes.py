"""Operations endpoints for probes and Prometheus: /livez, /readyz, /metrics. No citizen and no service uses them."""

import asyncio
import hmac
from typing import Final, Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from broker.web.operations.readiness import Readiness
from broker.web.shared import request_parsing

_TEXT: Final = "text/plain; version=1.0.0; charset=utf-8"


class MetricsText(Protocol):
    """Metrics that can be exported."""

    def text(self) -> bytes:
        """All metrics in the Prometheus text format."""
        ...


def alive_routes(readiness: Readiness) -> list[Route]:
    """`/livez`: 200 while the process answers. `/readyz`: 200 if requests should be sent here, else 503."""

    async def alive(_request: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def ready(_request: Request) -> Response:
        seen = await readiness.check()
        said = msgspec.json.encode({"ready": seen.ready, "wrong": seen.problems})
        return Response(said, 200 if seen.ready else 503, media_type="application/json")

    return [Route("/livez", alive, methods=["GET"]), Route("/readyz", ready, methods=["GET"])]


def metrics_route(meters: MetricsText, token: str | None) -> Route:
    """`/metrics`, for clients with the bearer token (RFC 6750 2.1), or for every client if `token` is None."""
    expected = None if token is None else f"Bearer {token}".encode()

    async def metrics(request: Request) -> Response:
        presented = (request_parsing.joined_header(request, b"authorization") or "").encode("latin-1")
        if expected is not None and not hmac.compare_digest(presented, expected):
            return PlainTextResponse("a token is needed\n", 401, {"WWW-Authenticate": "Bearer"})
        # in a thread: reading the files of many processes takes milliseconds and would block other requests
        return Response(await asyncio.to_thread(meters.text), headers={"Content-Type": _TEXT})

    return Route("/metrics", metrics, methods=["GET"])
