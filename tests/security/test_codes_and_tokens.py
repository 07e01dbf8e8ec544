"""Codes and tokens of other clients, at other endpoints, for wider scopes; errors that leak nothing."""

import asyncio
import base64
import json
import re
from collections.abc import Mapping
from urllib.parse import urlencode

import jwt
import pytest

from tests.e2e.app_harness import Stage
from tests.e2e.raw_client import HttpSender, RawCitizen, Reply
from tests.e2e.relying_service import Service
from tests.security.endpoint_client import Endpoints, Victim, refused, shown

AT_ONCE = 12
OF_EACH_ANSWER = {"date", "x-request-id"}


def alike(*replies: Reply) -> Reply:
    """The one answer that they all are, byte for byte, but for the time and the request's own id."""
    seen = {
        (
            reply.status,
            reply.body,
            tuple(sorted((n.lower(), v) for n, v in reply.headers.items() if n.lower() not in OF_EACH_ANSWER)),
        )
        for reply in replies
    }
    assert len(seen) == 1, seen
    return replies[0]


def library(stage: Stage) -> dict[str, str]:
    """The credentials of another service."""
    secret = (stage.folder / ".demo" / "secrets" / "library").read_text().strip()
    return {"client_id": "library", "client_secret": secret}


async def test_errors_reveal_neither_registered_clients_nor_their_methods(endpoints: Endpoints, held: Victim) -> None:
    client_ids = ("nobody", "library", "rides", "demo-service", "land-register")
    stranger = Service("", endpoints.issuer, "", held.service.key, "another")

    def asserted(client_id: str) -> dict[str, str]:
        stranger.client_id = client_id
        return stranger.assertion()

    def basic(client_id: str) -> tuple[str, str]:
        return "Authorization", "Basic " + base64.b64encode(f"{client_id}:wrong".encode()).decode()

    for path, form in held.forms().items():
        plain = {name: value for name, value in form.items() if not name.startswith("client_")}
        secrets = [
            await endpoints.post(path, {**plain, "client_id": client_id, "client_secret": "wrong"})
            for client_id in client_ids
        ]
        assertions = [await endpoints.post(path, {**plain, **asserted(client_id)}) for client_id in client_ids]
        refused(alike(*secrets, *assertions), "invalid_client")
        response = refused(alike(*[await endpoints.post(path, plain, basic(client_id)) for client_id in client_ids]))
        assert (response.status, response.json["error"]) == (401, "invalid_client")
        assert response.headers["WWW-Authenticate"].startswith("Basic ")


async def test_a_code_is_refused_from_another_client(endpoints: Endpoints, held: Victim, stage: Stage) -> None:
    good = {
        name: value for name, value in held.raw_citizen.exchange(held.code).items() if not name.startswith("client_")
    }
    own = held.service.assertion
    elsewhere = [
        await endpoints.post("/token", {**good, **library(stage)}),
        await endpoints.post("/token", {**good, **library(stage), "redirect_uri": f"{stage.service}/try"}),
        await endpoints.post("/token", {**good, **own(), "code": "code_" + "A" * 43}),
        await endpoints.post("/token", {**good, **own(), "code": held.code[:-1]}),
        await endpoints.post("/token", {**good, **own(), "code": held.code.upper()}),
        await endpoints.post("/token", {**good, **own(), "code": f"{held.code} "}),
        await endpoints.post("/token", {**good, **own(), "code": held.access}),
        await endpoints.post("/token", {**good, **own(), "code": held.refresh}),
        await endpoints.post("/token", {**good, **own(), "code_verifier": "x" * 43}),
        await endpoints.post("/token", {**good, **own(), "code_verifier": "x"}),
        await endpoints.post("/token", {n: v for n, v in good.items() if n != "code_verifier"} | own()),
        await endpoints.post("/token", {n: v for n, v in good.items() if n != "redirect_uri"} | own()),
        await endpoints.post("/token", {**good, **own(), "redirect_uri": f"{good['redirect_uri']}/"}),
        await endpoints.post("/token", {**good, **own(), "redirect_uri": "https://evil.example/"}),
        await endpoints.post("/token", {"grant_type": "refresh_token", "refresh_token": held.code, **own()}),
        await endpoints.post("/token", {"grant_type": "refresh_token", "refresh_token": held.access, **own()}),
        await endpoints.post(
            "/token", {"grant_type": "refresh_token", "refresh_token": held.refresh, **library(stage)}
        ),
    ]
    refused(alike(*elsewhere), "invalid_grant")


async def test_a_token_of_another_service_is_as_good_as_none(endpoints: Endpoints, held: Victim, stage: Stage) -> None:
    for token in (held.access, held.refresh, held.code, "access_" + "A" * 43, "x"):
        response = await endpoints.post("/introspect", {"token": token, **library(stage)})
        assert response.expect().json == {"active": False}
        assert (await endpoints.post("/revoke", {"token": token, **library(stage)})).expect().body == b""


async def test_only_announced_grant_types_are_accepted(endpoints: Endpoints, held: Victim) -> None:
    own = held.service.assertion
    for grant, more in {
        "password": {"username": "amina", "password": "x"},
        "implicit": {},
        "urn:ietf:params:oauth:grant-type:jwt-bearer": {"assertion": own()["client_assertion"]},
        "urn:ietf:params:oauth:grant-type:token-exchange": {"subject_token": held.access},
        "urn:ietf:params:oauth:grant-type:device_code": {"device_code": held.code},
        "AUTHORIZATION_CODE": {"code": held.code},
        "authorization_code ": {"code": held.code},
    }.items():
        refused(await endpoints.post("/token", {"grant_type": grant, **more, **own()}), "unsupported_grant_type")


async def test_refreshing_at_the_same_moment_gives_each_its_own_token_and_an_assertion_one(
    endpoints: Endpoints, held: Victim
) -> None:
    """Refresh tokens are not rotated (FAPI 2.0 Security Profile 5.3.2.1), so parallel refreshes both succeed."""
    replies = await asyncio.gather(*(held.raw_citizen.refresh(held.refresh) for _ in range(AT_ONCE)))
    tokens = {reply.expect().json["access_token"] for reply in replies}
    assert len(tokens) == AT_ONCE
    assert not any("refresh_token" in reply.json for reply in replies)
    for token in tokens:
        (await held.raw_citizen.userinfo(token)).expect()
    form = {"grant_type": "refresh_token", "refresh_token": held.refresh, **held.service.assertion()}
    again = await asyncio.gather(*(endpoints.post("/token", form) for _ in range(AT_ONCE)))
    assert [reply.status for reply in again].count(200) == 1
    refused(alike(*(reply for reply in again if reply.status != 200)), "invalid_client")


async def test_nothing_is_granted_beyond_what_was_registered_and_agreed_to(held: Victim, line: HttpSender) -> None:
    claims = {
        "userinfo": {"email": {"essential": True}, "birthdate": None, "sub": None},
        "id_token": {"email": None, "aud": {"value": "library"}, "iss": {"value": "x"}, "exp": {"value": 9**12}},
    }
    raw_citizen = RawCitizen(line, held.service)
    scope = "openid profile email address phone offline_access admin"
    (await raw_citizen.push(scope=scope, claims=json.dumps(claims), authorization_details='[{"type":"x"}]')).expect(201)
    (await raw_citizen.authorize()).expect(303)
    await raw_citizen.return_()
    (await raw_citizen.share()).expect(303)
    more = {"scope": "openid email", "audience": "library", "resource": "https://evil.example", "claims": "{}"}
    tokens = (
        (await raw_citizen.call("/token", {**raw_citizen.exchange(await raw_citizen.collect()), **more})).expect().json
    )
    assert tokens["scope"].split() == ["openid", "profile", "offline_access"]
    assert set((await raw_citizen.userinfo(tokens["access_token"])).expect().json) == {"sub", "name"}
    known = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    assert (known["aud"], known["iss"]) == ("rides", raw_citizen.issuer)
    assert "email" not in known
    assert known["exp"] - known["iat"] == 300
    for wider in ("openid email", "openid profile offline_access admin", "email"):
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "scope": wider}
        refused(await raw_citizen.call("/token", {**form, **held.service.assertion()}), "invalid_scope")


@pytest.mark.usefixtures("endpoints")
async def test_a_refresh_with_a_narrower_scope_gives_a_token_that_opens_less(held: Victim) -> None:
    """RFC 6749 6: at userinfo, in introspection and in the answer. The refresh token keeps what was granted."""

    async def refreshed(*scope: str) -> Reply:
        form = {"grant_type": "refresh_token", "refresh_token": held.refresh}
        asked = {"scope": " ".join(scope)} if scope else {}
        return await held.raw_citizen.call("/token", {**form, **asked, **held.service.assertion()})

    for scope, claims in {
        ("openid",): {"sub"},
        ("openid", "profile"): {"sub", "name"},
        ("openid", "offline_access"): {"sub"},
        (): {"sub", "name"},
    }.items():
        tokens = (await refreshed(*scope)).expect().json
        granted = list(scope) or ["openid", "profile", "offline_access"]
        assert tokens["scope"].split() == granted
        assert set((await held.raw_citizen.userinfo(tokens["access_token"])).expect().json) == claims
        assert (await held.raw_citizen.introspect(tokens["access_token"])).expect().json["scope"].split() == granted
    tokens = (await refreshed("profile")).expect().json
    reply = await held.raw_citizen.userinfo(tokens["access_token"])
    assert (reply.status, reply.json["error"]) == (403, "insufficient_scope")
    assert 'error="insufficient_scope"' in reply.headers["WWW-Authenticate"]
    # the first token keeps its scope, and so does the refresh token
    assert set((await held.raw_citizen.userinfo(held.access)).expect().json) == {"sub", "name"}
    assert (await held.raw_citizen.introspect(held.refresh)).expect().json["scope"] == "openid profile offline_access"
    for wider in (("openid", "email"), ("email",), ("openid", "profile", "offline_access", "admin")):
        refused(await refreshed(*wider), "invalid_scope")


async def test_a_pushed_request_is_its_services_own_and_stays_as_it_was_pushed(
    endpoints: Endpoints, held: Victim, line: HttpSender
) -> None:
    raw_citizen = RawCitizen(line, held.service)
    (await raw_citizen.push()).expect(201)
    uri = raw_citizen.request_uri
    for client_id, asked in (
        ("library", uri),
        ("nobody", uri),
        ("rides", uri[:-1]),
        ("rides", f"{uri}x"),
        ("rides", uri.upper()),
        ("rides", "urn:ietf:params:oauth:request_uri:"),
        ("rides", f"urn:ietf:params:oauth:request_uri:{'x' * 5000}"),
        ("rides", f"{uri}\n"),
    ):
        shown(await endpoints.send("GET", "/authorize?" + urlencode({"client_id": client_id, "request_uri": asked})))
    polluted = {
        "client_id": "rides",
        "request_uri": uri,
        "redirect_uri": "https://evil.example/",
        "state": "evil",
        "scope": "openid email",
        "response_mode": "form_post",
        "prompt": "none",
        "login_hint": "outcome:cancelled",
    }
    raw_citizen.page = (await raw_citizen.visit("/authorize?" + urlencode(polluted))).expect(303).location
    await raw_citizen.return_()
    (await raw_citizen.share()).expect(303)
    (await raw_citizen.redeem(await raw_citizen.collect())).expect()


async def test_a_request_by_reference_is_never_fetched(endpoints: Endpoints, held: Victim) -> None:
    """Server-side request forgery by way of `request_uri` (RFC 9101 10.4)."""
    for uri in (
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        f"{endpoints.issuer}/jwks",
        "gopher://x",
        "data:,x",
    ):
        asked = {"client_id": "rides", "request_uri": uri, "response_type": "code", "scope": "openid"}
        shown(await endpoints.send("GET", "/authorize?" + urlencode(asked)))
        refused(await endpoints.post("/par", {**held.forms()["/par"], "request_uri": uri}), "invalid_request")


@pytest.mark.usefixtures("held")
async def test_no_redirect_leads_to_an_unregistered_uri(endpoints: Endpoints) -> None:
    """No open redirector (RFC 9700 4.11), at sign-in or at logout, for any other fault of the request."""
    good = {"client_id": "library", "response_type": "code", "scope": "openid"}
    for address in (
        "https://evil.example/",
        f"{endpoints.issuer}//evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:0",
    ):
        for more in ({}, {"prompt": "none"}, {"response_type": "token"}, {"request": "e30.e30.e30"}, {"scope": ""}):
            asked = {**good, **more, "redirect_uri": address, "state": "s"}
            shown(await endpoints.send("GET", "/authorize?" + urlencode(asked)))
            shown(await endpoints.post("/authorize", asked))
        bye = {"client_id": "library", "post_logout_redirect_uri": address}
        reply = await endpoints.send("GET", "/logout?" + urlencode(bye))
        assert not {"Location", "Refresh"} & set(reply.headers)
        assert not re.search(rb"""=\s*["']""" + re.escape(address.encode()), reply.body), "it leads nowhere"


# --- proofs ---


def proofs(service: Service, *, ahead: int = 0, nonce: str | None = None) -> Service:
    """The same service, whose clock or nonce is another one."""
    now = service.now
    return Service(
        service.client_id,
        service.issuer,
        service.redirect_uri,
        service.key,
        service.kid,
        bound=True,
        nonce=service.nonce if nonce is None else nonce,
        now=lambda: now() + ahead,
    )


def lines(*headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Header lines."""
    return [pair for header in headers for pair in header.items()]


async def test_a_proof_is_for_one_request_at_one_place_at_one_time(endpoints: Endpoints, bound: Victim) -> None:
    service, url = bound.service, f"{endpoints.issuer}/token"

    async def tried(*headers: Mapping[str, str]) -> Reply:
        form = {"grant_type": "refresh_token", "refresh_token": bound.refresh, **service.assertion()}
        return await endpoints.post("/token", form, *lines(*headers))

    good = service.proof("POST", url)
    (await tried(good)).expect()
    held = [
        [good],
        [],
        [{"DPoP": ""}],
        [{"DPoP": "x"}],
        [service.proof("POST", url), service.proof("POST", url)],
        [{"DPoP": f"{service.proof('POST', url)['DPoP']}, {service.proof('POST', url)['DPoP']}"}],
        [service.proof("GET", url)],
        [service.proof("post", url)],
        [service.proof("POST", f"{endpoints.issuer}/par")],
        [service.proof("POST", f"{url}/")],
        [service.proof("POST", "https://evil.example/token")],
        [service.proof("POST", "")],
        [proofs(service, ahead=120).proof("POST", url)],
        [proofs(service, ahead=-180).proof("POST", url)],
        [{"DPoP": service.assertion()["client_assertion"]}],
    ]
    for headers in held:
        refused(await tried(*headers), "invalid_dpop_proof")
    for nonce in ("", "x", f"{service.nonce}x", "0." + "A" * 43):
        reply = await tried(proofs(service, nonce=nonce).proof("POST", url))
        refused(reply, "use_dpop_nonce")
        assert reply.headers["DPoP-Nonce"]


async def test_a_bound_token_opens_nothing_without_its_key(endpoints: Endpoints, bound: Victim, held: Victim) -> None:
    service, url = bound.service, f"{endpoints.issuer}/userinfo"
    thief = proofs(service)
    thief.key = held.service.key

    async def tried(scheme: str, token: str, *headers: Mapping[str, str]) -> Reply:
        return await endpoints.send(
            "GET", "/userinfo", None, [("Authorization", f"{scheme} {token}"), *lines(*headers)]
        )

    good = service.proof("GET", url, bound.access)
    (await tried("DPoP", bound.access, good)).expect()
    for headers in (
        [good],
        [service.proof("GET", url)],
        [service.proof("GET", url, bound.refresh)],
        [service.proof("POST", url, bound.access)],
        [service.proof("GET", f"{endpoints.issuer}/token", bound.access)],
        [service.proof("GET", url, bound.access), service.proof("GET", url, bound.access)],
        [proofs(service, ahead=-180).proof("GET", url, bound.access)],
    ):
        reply = refused(await tried("DPoP", bound.access, *headers), "invalid_dpop_proof")
        assert reply.status == 401
        assert reply.headers["WWW-Authenticate"].startswith('DPoP error="invalid_dpop_proof"')
    for reply in (
        await tried("DPoP", bound.access),
        await tried("Bearer", bound.access),
        await tried("Bearer", bound.access, service.proof("GET", url, bound.access)),
        await tried("DPoP", bound.access, thief.proof("GET", url, bound.access)),
        await tried("DPoP", held.access, service.proof("GET", url, held.access)),
    ):
        assert refused(reply, "invalid_token").status == 401


async def test_a_code_that_was_bound_to_a_key_is_redeemed_with_that_key_alone(
    endpoints: Endpoints, bound: Victim, held: Victim
) -> None:
    url = f"{endpoints.issuer}/token"
    thief = proofs(bound.service)
    thief.key = held.service.key
    stolen = await endpoints.post("/token", bound.raw_citizen.exchange(bound.code), *lines(thief.proof("POST", url)))
    refused(stolen, "invalid_grant")
    refused(await endpoints.post("/token", bound.raw_citizen.exchange(bound.code)), "invalid_dpop_proof")
