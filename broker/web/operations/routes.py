"""The addresses at which machines look after a process. No citizen and no service is sent there."""

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
    """Counters that can be read."""

    def text(self) -> bytes:
        """All of them, in Prometheus' text format."""
        ...


def alive_routes(readiness: Readiness) -> list[Route]:
    """`/livez`: this process answers, whatever else is wrong. `/readyz`: requests should come here; 503 if not."""

    async def alive(request: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def ready(request: Request) -> Response:
        seen = await readiness.look()
        said = msgspec.json.encode({"ready": seen.ready, "wrong": seen.wrong})
        return Response(said, 200 if seen.ready else 503, media_type="application/json")

    return [Route("/livez", alive, methods=["GET"]), Route("/readyz", ready, methods=["GET"])]


def metrics_route(meters: MetricsText, token: str | None) -> Route:
    """`/metrics`, for whoever shows the bearer token (RFC 6750 2.1), or for everybody where there is none."""
    expected = None if token is None else f"Bearer {token}".encode()

    async def metrics(request: Request) -> Response:
        shown = (request_parsing.joined_header(request, b"authorization") or "").encode("latin-1")
        if expected is not None and not hmac.compare_digest(shown, expected):
            return PlainTextResponse("a token is needed\n", 401, {"WWW-Authenticate": "Bearer"})
        # reading the files of many processes takes milliseconds that citizens need not wait
        return Response(await asyncio.to_thread(meters.text), headers={"Content-Type": _TEXT})

    return Route("/metrics", metrics, methods=["GET"])
