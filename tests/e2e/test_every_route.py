"""Every route of every application, walked: with a foreign `Host`, slashes too many, from another site, by HEAD."""

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlencode, urlsplit

import aiohttp
import pytest
from multidict import CIMultiDict
from yarl import URL

from tests.e2e.app_harness import Script, Stage, staged
from tests.e2e.raw_client import NORTHBANK, SOON, HttpSender, RawCitizen, Reply, eventually
from tests.e2e.relying_service import RIDES_SERVICE, rides
from tests.e2e.routes import every_route

EVIL = "evil.example"
Headers = Sequence[tuple[str, str]]
LIES: Sequence[Headers] = (
    [("Host", EVIL)],
    [("Host", f"{EVIL}:8443"), ("X-Forwarded-Proto", "https")],
    [
        ("X-Forwarded-Host", EVIL),
        ("X-Forwarded-Server", EVIL),
        ("X-Forwarded-Proto", "gopher"),
        ("X-Forwarded-Port", "8443"),
        ("X-Forwarded-Prefix", f"//{EVIL}"),
        ("X-Forwarded-For", EVIL),
        ("Forwarded", f'for={EVIL};host="{EVIL}";proto=https'),
        ("X-Original-Host", EVIL),
        ("X-Original-URL", f"//{EVIL}/token"),
        ("X-Rewrite-URL", f"//{EVIL}/token"),
        ("X-HTTP-Host-Override", EVIL),
    ],
)
FRAMES: Sequence[Headers] = (
    [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe")],
    [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image")],
    [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty")],
)
COUNTED = "/metrics"
"""Longer with each request that it counts: the two answers are not of one length."""

RETURNS = {("staff console", "/sign-in/go"), ("staff console", "/callback")}
"""Where browsers set out for a provider or come back from one: HEAD does not look up whether GET would lead on."""
POSTED: Headers = [
    ("Origin", f"https://{EVIL}"),
    ("Sec-Fetch-Site", "cross-site"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Dest", "document"),
]
MANY = "{ max = 100000, window = 60 }"
SCRIPT = Script(
    files={"services/rides.toml": RIDES_SERVICE},
    # everything comes from one address
    edits={
        "broker.toml": {
            "[picker]": "[limits]\n"
            f"authorization_requests_per_ip = {MANY}\nfailed_authentications_per_ip = {MANY}\n\n[picker]"
        }
    },
)


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Every listener."""
    async with staged(tmp_path_factory.mktemp("routes"), SCRIPT) as running:
        await eventually(SOON, running.providers_work)
        yield running


@pytest.fixture
async def raw() -> AsyncIterator[aiohttp.ClientSession]:
    """How attackers send: no path is tidied, no redirect followed."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


async def send(raw: aiohttp.ClientSession, method: str, url: str, headers: Headers = (), body: bytes = b"") -> Reply:
    """One request, to the letter."""
    lines = CIMultiDict(headers)
    if body:
        lines["Content-Type"] = "application/x-www-form-urlencoded"
    async with raw.request(
        method, URL(url, encoded=True), headers=lines, data=body or None, allow_redirects=False
    ) as answer:
        return Reply(answer.status, answer.headers, await answer.read(), 0)


def astray(path: str) -> Sequence[str]:
    """The path, and spellings of it with a slash too many."""
    return [path, f"{path}/", f"{path}//", f"{path}%2F", f"/{path}", path.replace("/", "//"), f"//{EVIL}{path}"]


def body(method: str) -> bytes:
    """Something to read, if the method brings it along."""
    return b"client_id=rides&token=x" if method == "POST" else b""


def test_the_walk_finds_the_routes_of_all_four_applications(stage: Stage) -> None:
    found: dict[str, set[str]] = {}
    for route in every_route(stage):
        found.setdefault(route.stand, set()).add(route.path)
    assert {"/authorize", "/token", "/callback/northbank", "/help", "/livez"} <= found["broker"]
    assert {"/", "/sign-in/go", "/callback", "/readyz"} <= found["staff console"]
    assert {"/callback", "/backchannel-logout"} <= found["sample service"]
    assert {"/northbank/authorize", "/northbank/token", "/hop", "/northbank/order"} <= found["simulated providers"]


async def test_no_route_uses_the_host_header_or_redirects_with_307(stage: Stage, raw: aiohttp.ClientSession) -> None:
    for route in every_route(stage):
        if route.path.endswith("/order"):
            continue  # it puts a simulated provider out of order
        for path in astray(route.path):
            for lies in LIES:
                for method in ("GET", "POST"):
                    reply = await send(raw, method, f"{route.origin}{path}", lies, body(method))
                    where = (route.stand, method, path, lies)
                    header_lines = [f"{name}: {value}" for name, value in reply.headers.items()]
                    assert not [line for line in header_lines if EVIL in line.replace(f"//{EVIL}", "")], (
                        where,
                        header_lines,
                    )
                    assert path.startswith(f"//{EVIL}") or EVIL.encode() not in reply.body, where
                    assert reply.status < 500 or route.path == "/readyz", (where, reply.status)
                    assert reply.status not in (301, 307, 308), (where, reply.status)
                    # the library of the sample service leads on with 302
                    assert reply.status != 302 or route.stand == "sample service", where


async def test_a_path_with_a_slash_too_many_is_404_or_leads_a_get_to_the_configured_origin(
    stage: Stage, raw: aiohttp.ClientSession
) -> None:
    led: set[str] = set()
    routes = [route for route in every_route(stage) if route.stand in ("broker", "staff console")]
    known = {(route.origin, route.path) for route in routes}
    for route in routes:
        for path in astray(route.path)[1:-1]:
            if (route.origin, path.replace("%2F", "/")) in known or route.path == "/":
                continue
            for method in ("GET", "HEAD", "POST", "PUT"):
                reply = await send(raw, method, f"{route.origin}{path}", LIES[0], body(method))
                if reply.status == 303:
                    assert method in ("GET", "HEAD"), (method, path)
                    assert reply.location == f"{route.origin}{route.path}"
                    led.add(route.path)
                else:
                    assert reply.status == 404, (method, path, reply.status)
    assert {"/help", "/confirm", "/errors/cancelled", "/sign-in"} <= led
    assert not led & {"/token", "/authorize", "/jwks", "/callback/northbank", "/callback", "/livez"}


@pytest.mark.parametrize("path", ["/token/", "/par/", "/introspect/", "/revoke/", "/userinfo/", "/ciba/", "//token"])
async def test_an_endpoint_with_a_slash_too_many_says_its_address(
    stage: Stage, raw: aiohttp.ClientSession, path: str
) -> None:
    reply = (await send(raw, "POST", f"{stage.issuer}{path}", LIES[0], b"a=1")).expect(404)
    assert reply.headers["Content-Type"] == "application/json"
    assert f"The address is {stage.issuer}/{path.strip('/')}" in reply.json["error_description"]


@pytest.mark.parametrize("path", ["/authorize/", "/logout/", "/language/"])
async def test_where_browsers_arrive_a_slash_too_many_is_a_page_that_says_the_address(
    stage: Stage, raw: aiohttp.ClientSession, path: str
) -> None:
    for method in ("GET", "POST"):
        reply = (await send(raw, method, f"{stage.issuer}{path}", LIES[0], body(method))).expect(404)
        assert f"{stage.issuer}{path[:-1]}" in reply.body.decode()


async def test_no_route_sets_a_cookie_in_answer_to_another_site_unless_to_a_visit(
    stage: Stage, raw: aiohttp.ClientSession, line: HttpSender
) -> None:
    raw_citizen = RawCitizen(line, rides(stage.folder, stage.issuer))
    (await raw_citizen.push()).expect(201)
    begun = urlencode({"client_id": "rides", "request_uri": raw_citizen.request_uri})
    for route in every_route(stage):
        if route.stand not in ("broker", "staff console"):
            continue
        url = f"{route.origin}{route.path}"
        for frame in FRAMES:
            assert "Set-Cookie" not in (await send(raw, "GET", f"{url}?{begun}", frame)).headers, (url, frame)
        for form in (begun.encode(), b"token=x&code=x&language=cy&back=/"):
            assert "Set-Cookie" not in (await send(raw, "POST", url, POSTED, form)).headers, url
    visit = await send(raw, "GET", f"{stage.issuer}/authorize?{begun}", POSTED)
    assert visit.expect(303).headers["Set-Cookie"].startswith("__Host-portico-browser=")


async def test_head_is_answered_as_get_without_a_body_at_every_route_and_sets_no_cookie(
    stage: Stage, raw: aiohttp.ClientSession
) -> None:
    walked = [route for route in every_route(stage) if "GET" in route.methods and route.stand != "simulated providers"]
    for route in walked:
        if route.path == "/sign-in" and route.stand == "sample service":
            continue  # the demonstration's own, which begins with the library's redirect
        head = await send(raw, "HEAD", f"{route.origin}{route.path}")
        got = await send(raw, "GET", f"{route.origin}{route.path}")
        if (route.stand, route.path) in RETURNS:
            assert head.status == 303, route  # whether it would lead on is not looked up
        elif got.status == 303 and route.path.startswith("/journey/") and route.path.startswith(f"{got.location}/"):
            assert head.status == 404, route  # one page of a lost transaction leads to another, and that is 404
        else:
            assert head.status == got.status, route
        assert head.body == b""
        assert "Set-Cookie" not in head.headers, route
        if "Content-Length" in head.headers and head.status == got.status and route.path != COUNTED:
            assert head.headers["Content-Length"] == got.headers["Content-Length"], route  # RFC 9110 8.6
        if head.status == got.status != 303:
            assert head.headers.get("Content-Type") == got.headers.get("Content-Type"), route


TIME_MARK = """INSERT INTO "shared_counters" VALUES('time',"""


def rows(stage: Stage) -> list[str]:
    """Everything that the database holds, but for the mark of the time, which every process moves on."""
    with contextlib.closing(sqlite3.connect(stage.folder / ".demo" / "facts.db")) as database:
        return [line for line in database.iterdump() if TIME_MARK not in line]


async def test_head_requests_start_and_end_nothing(stage: Stage, line: HttpSender) -> None:
    raw_citizen = RawCitizen(line, rides(stage.folder, stage.issuer))

    async def head(url: str) -> Reply:
        there = url if url.startswith("http") else stage.issuer + url
        before = rows(stage)
        reply = await line.send("HEAD", there, headers=raw_citizen.jar.line(urlsplit(there).path))
        assert rows(stage) == before, url
        assert "Set-Cookie" not in reply.headers, url
        assert reply.body == b"", url
        if reply.status == 200:
            assert reply.headers.get("Content-Length") != "0", url  # RFC 9110 8.6: GET has a page there
        return reply

    (await raw_citizen.push()).expect(201)
    begun = f"/authorize?{urlencode({'client_id': 'rides', 'request_uri': raw_citizen.request_uri})}"
    assert "Location" not in (await head(begun)).expect(303).headers
    (await head("/authorize?client_id=nobody")).expect(400)
    (await raw_citizen.authorize()).expect(303)
    for path in ("", "/help", "/later", "/data", "/have", "/about/northbank"):
        (await head(raw_citizen.page + path)).expect(200)
    (await head("/journey/nobody-has-this-handle-yet")).expect(404)
    (await raw_citizen.choose(NORTHBANK)).expect(303)
    callback = await raw_citizen.away()
    (await head(callback)).expect(303)
    (await raw_citizen.visit(callback)).expect(303)  # the code was not redeemed by HEAD
    (await head(raw_citizen.page)).expect(200)
    (await raw_citizen.share()).expect(303)
    (await head(raw_citizen.page)).expect(200)
    code = await raw_citizen.collect()
    tokens = (await raw_citizen.redeem(code)).expect().json

    # the same again is answered at once, by GET and not by HEAD
    silent = RawCitizen(line, raw_citizen.service, raw_citizen.jar)
    (await silent.push(prompt="")).expect(201)
    (await silent.authorize()).expect(303)
    (await head(silent.page)).expect(200)
    assert await silent.collect()

    # signing out
    for asked in (f"id_token_hint={tokens['id_token']}", "client_id=rides"):
        (await head(f"/logout?{asked}")).expect(200)
    (await head("/logout?id_token_hint=x")).expect(400)
    again = RawCitizen(line, raw_citizen.service, raw_citizen.jar)
    (await again.push(prompt="none")).expect(201)
    assert "code=" in (await again.authorize()).location
