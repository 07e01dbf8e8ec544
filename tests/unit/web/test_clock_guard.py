"""While the clock of the machine is off, each kind of caller gets 503 in its own form."""

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from broker.web.operations.clock_guard import ClockGuard


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("served")(scope, receive, send)


async def page(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse("a page", 503)


def asked(reason: str | None) -> httpx.AsyncClient:
    guard = ClockGuard(application, lambda: reason, {"/token", "/jwks"}, page)
    return httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url="http://localhost")


@pytest.mark.parametrize(
    ("path", "kind", "member"),
    [
        ("/token", "application/json", "error"),
        ("/desk/v1/cases/c1/files", "application/problem+json", "code"),
    ],
)
async def test_services_and_desks_get_errors_that_their_programs_read(path: str, kind: str, member: str) -> None:
    async with asked("this machine's clock is off") as client:
        answer = await client.post(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, kind)
    assert answer.json()[member] == "temporarily_unavailable"
    assert answer.headers["Retry-After"] == "5"
    assert answer.headers["Cache-Control"] == "no-store"


async def test_citizens_get_a_page_and_what_needs_no_time_is_served() -> None:
    async with asked("this machine's clock is off") as client:
        assert (await client.get("/account")).text == "a page"
        for path in ("/jwks", "/livez", "/static/portico.css", "/.well-known/openid-configuration"):
            assert (await client.get(path)).text == "served", path
    async with asked(None) as client:
        assert (await client.post("/token")).text == "served"
