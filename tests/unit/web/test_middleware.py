"""Edge middleware: security headers, request ids, body limits, unhandled exceptions."""

import json
import logging
import re
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broker.platform.system import System
from broker.web.middleware import BodyLimits, guarded
from broker.web.shared.static_files import Statics
from tests.unit.web.citizen_pages import client, path
from tests.unit.web.examples import HANDLE

EVERYWHERE = {
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
}


@pytest.mark.parametrize(
    ("at", "status"),
    [
        (path("choose"), 200),
        (path("leave"), 200),
        (path("lost"), 404),
        ("/help", 200),
        ("/errors/cancelled", 200),
        ("/continue", 200),
        ("/no-such-page", 404),
        ("/journey/short", 404),
        ("/static/no-such-file.css", 404),
        ("/language", 405),
        ("/broken", 500),
        ("/unreachable", 503),
    ],
)
async def test_every_response_has_the_security_headers(at: str, status: int, app: ASGIApp) -> None:
    async with client(app) as browser:
        answer = await browser.get(at)
    assert answer.status_code == status
    for name, value in EVERYWHERE.items():
        assert answer.headers[name] == value
    assert set(answer.headers["content-security-policy"].split("; ")) == POLICY
    assert answer.headers["cache-control"] == "no-store"
    assert len(answer.headers.get_list("content-security-policy")) == 1
    assert answer.headers["x-request-id"]


async def test_redirects_and_errors_have_the_security_headers(app: ASGIApp) -> None:
    async with client(app) as browser:
        for answer in (
            await browser.post(f"/journey/{HANDLE}/choose", data={"provider": "alder"}),
            await browser.post(f"/journey/{HANDLE}/choose", content=b"x" * 100_000),
            await browser.post("/continue", data={"code": "x"}),
        ):
            assert answer.headers["cache-control"] == "no-store"
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["x-content-type-options"] == "nosniff"


async def test_static_files_are_immutable_and_named_by_their_digest(app: ASGIApp, files: Statics) -> None:
    async with client(app) as browser:
        for at, static in files.files.items():
            answer = await browser.get(at, headers={"accept-encoding": "gzip"})
            assert answer.status_code == 200
            assert answer.content == static.plain
            assert answer.headers["content-encoding"] == "gzip"
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert answer.headers["content-type"].startswith(static.media_type)
            plain = await browser.get(at, headers={"accept-encoding": "identity"})
            assert plain.content == static.plain
            assert "content-encoding" not in plain.headers


async def test_a_store_out_of_reach_is_a_page_that_says_when_to_come_back(app: ASGIApp) -> None:
    async with client(app) as browser:
        answer = await browser.get("/unreachable", headers={"accept-language": "cy"})
    assert answer.headers["retry-after"] == "30"
    assert "Nid yw Portico ar gael ar hyn o bryd" in answer.text


async def test_an_unhandled_error_is_a_page_with_a_reference_and_without_details(
    app: ASGIApp, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        async with client(app) as browser:
            answer = await browser.get("/broken", headers={"x-request-id": "abcdefgh12345678"})
    assert answer.headers["x-request-id"] == "abcdefgh12345678"
    assert "abcdefgh12345678" in answer.text
    assert "a secret" not in answer.text
    record = next(record for record in caplog.records if record.message == "request_failed")
    said = json.dumps(record.__dict__, default=str)
    assert "ValueError" in said
    assert "citizen_pages.py" in said
    assert "a secret" not in said
    assert record.exc_info is None


@pytest.mark.parametrize("given", ["", "short", "with space in it", "a" * 65, "semi;colon-1234", "<script>1234"])
async def test_a_request_id_that_could_be_something_else_is_not_taken(given: str, app: ASGIApp) -> None:
    async with client(app) as browser:
        answer = await browser.get("/help", headers={"x-request-id": given})
    assert answer.headers["x-request-id"] == (b"r" * 8).hex()


async def test_the_page_about_cookies_that_are_too_large_is_shown_with_its_style_sheet(
    app: ASGIApp, files: Statics
) -> None:
    large = {"cookie": "; ".join(f"other{number}={'x' * 4000}" for number in range(20))}
    async with client(app) as browser:
        page = await browser.get("/help", headers=large)
        assert page.status_code == 431
        linked = [at for at in files.files if at in page.text]
        assert any(at.endswith(".css") for at in linked)
        for at in linked:
            assert (await browser.get(at, headers=large)).status_code == 200, at


async def reader(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


def limited(system: System, limit: int = 100) -> ASGIApp:
    return guarded(Starlette(routes=[Route("/", reader, methods=["POST"])]), system, BodyLimits(limit))


async def in_parts(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@pytest.mark.parametrize("size", [0, 99, 100])
async def test_a_body_up_to_the_limit_is_read(size: int, system: System) -> None:
    async with client(limited(system)) as browser:
        assert (await browser.post("/", content=b"x" * size)).text == str(size)
        assert (await browser.post("/", content=in_parts(b"x" * size))).text == str(size)


async def test_a_body_above_the_limit_is_refused_announced_or_not(system: System) -> None:
    async with client(limited(system)) as browser:
        announced = await browser.post("/", content=b"x" * 101)
        unannounced = await browser.post("/", content=in_parts(b"x" * 60, b"x" * 41))
        endless = await browser.post("/", content=b"", headers={"content-length": "9" * 5000})
    assert [announced.status_code, unannounced.status_code, endless.status_code] == [413, 413, 413]


async def test_an_application_that_knows_nothing_of_limits_is_guarded_as_well(system: System) -> None:
    async def bare(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        await PlainTextResponse("read")(scope, receive, send)

    async with client(guarded(bare, system, BodyLimits(10))) as browser:
        answer = await browser.post("/", content=in_parts(b"x" * 6, b"x" * 6))
    assert answer.status_code == 413
    assert answer.headers["cache-control"] == "no-store"


async def test_an_answer_that_says_something_else_keeps_it(system: System) -> None:
    async def bare(scope: Scope, receive: Receive, send: Send) -> None:
        own = {"Cache-Control": "max-age=60", "Content-Security-Policy": "default-src 'none'"}
        await PlainTextResponse("own", headers=own)(scope, receive, send)

    async with client(guarded(bare, system)) as browser:
        answer = await browser.get("/")
    assert answer.headers.get_list("cache-control") == ["max-age=60"]
    assert answer.headers.get_list("content-security-policy") == ["default-src 'none'"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_an_unhandled_error_before_the_response_gets_an_error_page(system: System) -> None:
    async def bare(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise KeyError("a secret")

    async with client(guarded(bare, system)) as browser:
        answer = await browser.get("/")
    assert answer.status_code == 500
    assert "secret" not in answer.text


async def test_a_client_disconnect_is_no_unhandled_error(system: System, caplog: pytest.LogCaptureFixture) -> None:
    app = guarded(Starlette(routes=[Route("/", reader, methods=["POST"])]), system)
    sent: list[Message] = []

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": [], "root_path": ""}
    with caplog.at_level(logging.INFO):
        await app({**scope, "http_version": "1.1", "scheme": "https", "server": ("id.test", 443)}, gone, send)
    assert "request_failed" not in [record.message for record in caplog.records]


async def test_other_protocols_than_http_pass_through(system: System) -> None:
    seen: list[str] = []

    async def bare(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope["type"])

    async def nothing() -> Message:
        return {}

    async def nowhere(_message: Message) -> None:
        return None

    await guarded(bare, system)({"type": "lifespan"}, nothing, nowhere)
    assert seen == ["lifespan"]


async def test_a_path_with_a_limit_of_its_own_reads_more_and_no_other_path_does(system: System) -> None:
    routes = [Route(path, reader, methods=["POST"]) for path in ("/photo", "/other")]
    app = guarded(Starlette(routes=routes), system, BodyLimits(100, {re.compile("/photo"): 1000}))
    async with client(app) as browser:
        for size, photo, other in ((100, 200, 200), (101, 200, 413), (1000, 200, 413), (1001, 413, 413)):
            assert (await browser.post("/photo", content=b"x" * size)).status_code == photo
            assert (await browser.post("/photo", content=in_parts(b"x" * size))).status_code == photo
            assert (await browser.post("/other", content=b"x" * size)).status_code == other
            assert (await browser.post("/other", content=in_parts(b"x" * size))).status_code == other
