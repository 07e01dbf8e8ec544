"""Apps whose libraries do not support DPoP (`sender_constrained = false`), and CORS for single-page apps."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client
from multidict import CIMultiDict

from tests.e2e.app_harness import Ahead, Script, staged
from tests.e2e.raw_client import AMINA, RawCitizen, Reply, http_sender
from tests.e2e.test_apps import App, Shore, kinds, signed_in

CALLBACK = "http://127.0.0.1:49152/callback"
PAGE = "https://maps.example"
"""The origin of a single-page app that is registered."""

BEARER = """
names = { en = "Maps", cy = "Mapiau" }
home = "https://maps.example/"
redirect_uris = ["https://maps.example/", "http://127.0.0.1/callback", "example.maps:/callback", "msauth.example.maps://auth"]
profile = "oidc"
authentication = "none"
sender_constrained = false
cors_origins = ["https://maps.example", "https://www.maps.example:8443"]
sector = "maps.example"
level = "low"
scopes = ["openid", "profile"]
refresh = true
contact = "Maps, 01632 960 903"
claims = [{ claim = "name", reason = { en = "To address you", cy = "I'ch cyfarch" } }]
"""
OTHER = BEARER.replace("maps", "caves").replace("Maps", "Caves")
FILES = {"services/maps.toml": BEARER, "services/caves.toml": OTHER}
OPEN = ("/token", "/userinfo", "/revoke", "/jwks", "/.well-known/openid-configuration")
CLOSED = ("/authorize", "/par", "/introspect", "/ciba", "/logout", "/register", "/session", "/", "/help", "/journey/x")


@pytest.fixture(scope="module")
async def shore(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shore]:
    """Everything, with two apps registered."""
    ahead = Ahead()
    async with (
        staged(tmp_path_factory.mktemp("maps"), Script(files=FILES), ahead.system) as stage,
        http_sender() as way,
    ):
        yield Shore(stage, ahead, way)


def raw_citizen(shore: Shore, client_id: str = "maps", callback: str = CALLBACK, *, bound: bool = False) -> RawCitizen:
    """A citizen who signs in with an app; with `bound` its library supports DPoP."""
    app = App(client_id, shore.stage.issuer, callback, "", "", bound, now=shore.ahead.now)
    if bound:
        app.key = shore.raw_citizen().service.key
    return RawCitizen(shore.http_sender, app)


@pytest.mark.parametrize("callback", [CALLBACK, "example.maps:/callback", "msauth.example.maps://auth", f"{PAGE}/"])
async def test_an_app_without_dpop_gets_bearer_tokens(shore: Shore, callback: str) -> None:
    app_citizen = raw_citizen(shore, callback=callback)
    tokens = await signed_in(app_citizen)
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 300
    assert (await app_citizen.userinfo(tokens["access_token"])).expect().json["name"] == "Amina Hughes"


async def test_a_public_client_written_with_authlib_signs_in_and_refreshes(shore: Shore) -> None:
    """Unchanged: PKCE and `client_id`, as AppAuth and its kin do it."""
    issuer, verifier = shore.stage.issuer, secrets.token_urlsafe(48)
    async with AsyncOAuth2Client(
        "maps",
        token_endpoint_auth_method="none",
        redirect_uri=CALLBACK,
        scope="openid profile offline_access",
        code_challenge_method="S256",
    ) as client:
        address, state = client.create_authorization_url(
            f"{issuer}/authorize", code_verifier=verifier, login_hint=AMINA, prompt="consent"
        )
        browser = raw_citizen(shore)
        browser.state = state
        browser.page = (await browser.visit(address)).location
        await browser.return_()
        (await browser.share()).expect(303)
        answer = await browser.leave()
        tokens = await client.fetch_token(f"{issuer}/token", authorization_response=answer, code_verifier=verifier)
        assert dict(parse_qsl(urlsplit(answer).query))["iss"] == issuer
        assert (await client.get(f"{issuer}/userinfo")).json()["name"] == "Amina Hughes"
        fresh = await client.refresh_token(f"{issuer}/token")
        assert fresh["refresh_token"] != tokens["refresh_token"]
        assert (await client.get(f"{issuer}/userinfo")).status_code == 200
        assert (await client.revoke_token(f"{issuer}/revoke", fresh["refresh_token"])).status_code == 200
        assert (await client.get(f"{issuer}/userinfo")).status_code == 401


async def test_a_bearer_app_s_refresh_token_that_comes_again_ends_the_whole_family(shore: Shore) -> None:
    app_citizen = raw_citizen(shore)
    first = await signed_in(app_citizen)
    second = (await app_citizen.refresh(first["refresh_token"])).expect().json
    third = (await app_citizen.refresh(second["refresh_token"])).expect().json
    before = (await kinds(shore)).count("refresh_token_replayed")
    assert (await app_citizen.refresh(first["refresh_token"])).json["error"] == "invalid_grant"
    for tokens in (first, second, third):
        (await app_citizen.userinfo(tokens["access_token"])).expect(401)
    assert (await app_citizen.refresh(third["refresh_token"])).json["error"] == "invalid_grant"
    assert (await kinds(shore)).count("refresh_token_replayed") == before + 1


async def test_of_several_refreshes_of_a_bearer_app_at_once_one_succeeds_and_ends_with_the_others(shore: Shore) -> None:
    app_citizen = raw_citizen(shore)
    held = await signed_in(app_citizen)
    replies = await asyncio.gather(*(app_citizen.refresh(held["refresh_token"]) for _ in range(5)))
    given = [reply.json for reply in replies if reply.status == 200]
    assert len(given) == 1
    (await app_citizen.userinfo(given[0]["access_token"])).expect(401)


async def test_a_bearer_app_s_tokens_live_short_and_refreshing_does_not_make_the_sign_in_live_longer(
    shore: Shore,
) -> None:
    app_citizen = raw_citizen(shore)
    held = await signed_in(app_citizen)
    shore.ahead.advance(301)
    (await app_citizen.userinfo(held["access_token"])).expect(401)
    for _ in range(2):
        held = (await app_citizen.refresh(held["refresh_token"])).expect().json
        assert held["expires_in"] == 300
        shore.ahead.advance(12 * 3600 - 301)
    held = (await app_citizen.refresh(held["refresh_token"])).expect().json
    assert held["expires_in"] <= 301
    shore.ahead.advance(302)
    assert (await app_citizen.refresh(held["refresh_token"])).json["error"] == "invalid_grant"


async def test_a_refresh_token_of_a_bearer_app_is_of_no_use_to_another_app_and_narrows(shore: Shore) -> None:
    app_citizen = raw_citizen(shore)
    held = await signed_in(app_citizen)
    assert (await raw_citizen(shore, "caves").refresh(held["refresh_token"])).json["error"] == "invalid_grant"
    form = {"client_id": "maps", "grant_type": "refresh_token", "refresh_token": held["refresh_token"]}
    narrow = (await app_citizen.call("/token", {**form, "scope": "openid"})).expect().json
    assert narrow["scope"] == "openid"
    assert set((await app_citizen.userinfo(narrow["access_token"])).expect().json) == {"sub"}
    whole = (await app_citizen.refresh(narrow["refresh_token"])).expect().json
    assert whole["scope"] == "openid profile offline_access"


async def test_an_app_that_may_do_without_a_key_and_brings_one_is_held_to_it(shore: Shore) -> None:
    app_citizen = raw_citizen(shore, bound=True)
    held = await signed_in(app_citizen)
    assert (held["token_type"], held["expires_in"]) == ("DPoP", 600)
    without = raw_citizen(shore)
    assert (await without.refresh(held["refresh_token"])).json["error"] == "invalid_grant"
    (await without.userinfo(held["access_token"])).expect(401)
    (await app_citizen.refresh(held["refresh_token"])).expect()


async def test_a_bearer_app_always_uses_pkce(shore: Shore) -> None:
    asked = {"client_id": "maps", "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid"}
    reply = await raw_citizen(shore).call("/par", asked)
    assert (reply.status, reply.json["error"]) == (400, "invalid_request")
    app_citizen = raw_citizen(shore)
    code = await app_citizen.code()
    form = {name: value for name, value in app_citizen.exchange(code).items() if name != "code_verifier"}
    assert (await app_citizen.call("/token", form)).json["error"] == "invalid_grant"


# --- CORS ---


@dataclass(frozen=True, slots=True)
class Browser:
    """What a browser sends for a script on a page of an origin."""

    shore: Shore
    origin: str

    async def send(self, method: str, path: str, form: Mapping[str, str] | None = None, **headers: str) -> Reply:
        """One request."""
        url = self.shore.stage.issuer + path
        return await self.shore.http_sender.send(method, url, form, {"Origin": self.origin, **headers})

    async def preflight(self, path: str, method: str = "POST") -> Reply:
        """CORS preflight request (Fetch 3.3.6)."""
        asks = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization, dpop"}
        return await self.send("OPTIONS", path, **asks)


def cors(reply: Reply) -> dict[str, str]:
    """The CORS headers of an answer."""
    return {name.lower(): value for name, value in reply.headers.items() if name.lower().startswith("access-control-")}


@pytest.mark.parametrize("origin", [PAGE, "https://www.maps.example:8443", "https://caves.example"])
async def test_a_page_of_a_registered_origin_may_read_what_it_calls(shore: Shore, origin: str) -> None:
    page = Browser(shore, origin)
    for path in OPEN:
        method = "POST" if path in ("/token", "/revoke") else "GET"
        reply = await page.send(method, path, {"grant_type": "any"} if method == "POST" else None)
        headers = cors(reply)
        assert headers["access-control-allow-origin"] == origin, path
        assert {"dpop-nonce", "www-authenticate"} <= set(headers["access-control-expose-headers"].split(", "))
        assert "access-control-allow-credentials" not in headers
        assert reply.headers["Vary"] == "Origin"
        asked = await page.preflight(path, method)
        assert asked.status == 204
        assert asked.headers["Access-Control-Allow-Origin"] == origin
        assert method in asked.headers["Access-Control-Allow-Methods"].split(", ")
        assert {"authorization", "content-type", "dpop"} == set(
            asked.headers["Access-Control-Allow-Headers"].split(", ")
        )
        assert "Access-Control-Allow-Credentials" not in asked.headers
        assert "Origin" in asked.headers["Vary"]


STRANGE = (
    "https://evil.example",
    "null",
    "https://maps.example.evil.example",
    "https://maps.example:8443",
    "https://www.maps.example",
    "http://maps.example",
    "https://MAPS.example",
    "https://maps.example/",
    "https://maps.example, https://evil.example",
    "",
)


@pytest.mark.parametrize("origin", STRANGE)
async def test_a_page_of_another_origin_reads_nothing_and_learns_nothing(shore: Shore, origin: str) -> None:
    page = Browser(shore, origin)
    for path in (*OPEN, *CLOSED):
        for method in ("GET", "POST"):
            assert cors(await page.send(method, path, {"client_id": "maps"} if method == "POST" else None)) == {}
            refused = await page.preflight(path, method)
            assert cors(refused) == {}, path
            assert refused.status != 204


TOO_MUCH = "x" * 70_000
FAULTS: Sequence[tuple[str, str, str, Mapping[str, str], int]] = (
    ("GET", "/token", "", {}, 405),
    ("PUT", "/userinfo", "", {}, 405),
    ("POST", "/jwks", "", {}, 405),
    ("POST", "/token", TOO_MUCH, {}, 413),
    ("POST", "/token", TOO_MUCH, {"Transfer-Encoding": "chunked"}, 413),
    ("POST", "/revoke", "a=1", {"Content-Type": "text/plain"}, 415),
    ("GET", "/userinfo", "", {"X-Large": TOO_MUCH}, 431),
)


@pytest.mark.parametrize(("method", "path", "body", "headers", "status"), FAULTS)
async def test_a_page_of_a_registered_origin_may_read_what_is_refused_before_anything_is_read(
    shore: Shore, method: str, path: str, body: str, headers: Mapping[str, str], status: int
) -> None:
    """Else a script learns of a refusal only that something failed."""
    host = urlsplit(shore.stage.issuer).netloc
    for origin, opened in ((PAGE, PAGE), ("https://evil.example", None)):
        lines = {"Host": host, "Connection": "close", "Origin": origin, **headers}
        if "Transfer-Encoding" not in headers:
            lines["Content-Length"] = str(len(body))
        sent = body if "Transfer-Encoding" not in headers else f"{len(body):x}\r\n{body}\r\n0\r\n\r\n"
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(shore.stage.issuer).port)
        writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n{sent}".encode())
        first, *answered = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)).decode().split("\r\n")
        writer.close()
        received = {name.lower(): value for name, _, value in (line.partition(": ") for line in answered)}
        assert int(first.split()[1]) == status
        assert received.get("access-control-allow-origin") == opened
        assert received["vary"] == "Origin"


@pytest.mark.parametrize("path", CLOSED)
async def test_nothing_else_is_open_to_a_registered_origin(shore: Shore, path: str) -> None:
    """RFC 9700 2.6: never the authorization endpoint."""
    page = Browser(shore, PAGE)
    for method in ("GET", "POST"):
        assert cors(await page.send(method, path, {"client_id": "maps"} if method == "POST" else None)) == {}
        refused = await page.preflight(path, method)
        assert cors(refused) == {}
        assert refused.status != 204


async def test_two_origin_headers_get_no_cors_headers(shore: Shore) -> None:
    issuer = shore.stage.issuer
    lines = [("Origin", PAGE), ("Origin", PAGE)]
    reply = await shore.http_sender.send("GET", f"{issuer}/jwks", headers=CIMultiDict(lines))
    assert cors(reply) == {}


async def test_options_that_is_no_preflight_is_not_allowed(shore: Shore) -> None:
    for headers in ({}, {"Origin": PAGE}):
        reply = await shore.http_sender.send("OPTIONS", f"{shore.stage.issuer}/token", headers=headers)
        assert (reply.status, cors(reply)) == (405, {})


async def test_metadata_and_keys_are_kept_for_each_origin_by_itself(shore: Shore) -> None:
    """A cache must not serve the response for one origin to another (Fetch 3.3.8)."""
    for path in ("/jwks", "/.well-known/openid-configuration"):
        plain = await shore.http_sender.send("GET", shore.stage.issuer + path)
        assert (plain.headers["Vary"], cors(plain)) == ("Origin", {})
        assert "public" in plain.headers["Cache-Control"]
        read = await Browser(shore, PAGE).send("GET", path)
        assert read.body == plain.body
        again = await shore.http_sender.send("GET", shore.stage.issuer + path)
        assert cors(again) == {}


async def test_cors_allows_only_the_origins_of_the_calling_service(shore: Shore) -> None:
    own, other = Browser(shore, PAGE), Browser(shore, "https://caves.example")
    app_citizen = raw_citizen(shore)
    code = await app_citizen.code()
    form = app_citizen.exchange(code)
    assert cors(await other.send("POST", "/token", {**form, "code": "code_x"})) == {}
    reply = (await own.send("POST", "/token", form)).expect()
    assert cors(reply)["access-control-allow-origin"] == PAGE
    bearer = {"Authorization": f"Bearer {reply.json['access_token']}"}
    assert cors(await other.send("GET", "/userinfo", **bearer)) == {}
    assert cors((await own.send("GET", "/userinfo", **bearer)).expect())["access-control-allow-origin"] == PAGE
    revoked = {"client_id": "maps", "token": reply.json["refresh_token"]}
    assert cors(await other.send("POST", "/revoke", {**revoked, "token": "x"})) == {}
    assert cors((await own.send("POST", "/revoke", revoked)).expect())["access-control-allow-origin"] == PAGE
    refused = await own.send("GET", "/userinfo", **bearer)
    assert (refused.status, cors(refused)["access-control-allow-origin"]) == (401, PAGE)
