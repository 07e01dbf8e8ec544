"""Checks of what the client does on its own connections: addresses, client authentication, DPoP."""

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus, urljoin

from tests.unit.providers.presets.exchange import CLIENT_ID, SECRET, Exchange
from tests.unit.providers.presets.fact_checks.exchanged import assertion_of, id_token_of, part
from tests.unit.providers.presets.fact_checks.registry import about


@about("issuer")
async def _issuer(here: Exchange, value: Mapping[str, str]) -> None:
    expected = value.get("live") or value.get("example") or here.entry.config.issuer
    assert here.entry.config.issuer == expected
    assert (await id_token_of(here))["iss"] == expected


@about("discovery")
async def _discovery(here: Exchange, value: str) -> None:
    await here.sign_in()
    assert here.wire.calls[0].method == "GET"
    assert here.wire.calls[0].url == here.entry.config.issuer.rstrip("/") + value


@about("endpoints")
async def _endpoints(here: Exchange, value: Mapping[str, str]) -> None:
    await here.sign_in()
    issuer = here.entry.config.issuer
    urls = {
        role: issuer.rstrip("/") + path[1:] if path.startswith("./") else urljoin(issuer, path)
        for role, path in value.items()
    }
    if "authorization" in urls:
        assert here.visited[-1].partition("?")[0] == urls["authorization"]
    called = {call.url for call in here.wire.calls}
    assert {urls[role] for role in ("token", "jwks") if role in urls} <= called
    if here.entry.config.userinfo and "userinfo" in urls:
        assert urls["userinfo"] in called
    if here.entry.config.pushed and "par" in urls:
        assert urls["par"] in called


@about("headers")
async def _headers(here: Exchange, value: list[str]) -> None:
    await here.sign_in()
    assert value == ["User-Agent"], "the client sends this one on every call"


@about("tls")
async def _tls(here: Exchange, value: Mapping[str, Any]) -> None:
    assert len(set(here.entry.config.tls_roots)) == len(value.get("roots", []))


@about("client.methods")
async def _methods(here: Exchange, value: list[str]) -> None:
    await here.sign_in()
    call = here.token_call()
    used = {
        "private_key_jwt": "client_assertion" in call.form,
        "client_secret_basic": "Authorization" in call.headers,
        "client_secret_post": "client_secret" in call.form,
    }
    (method,) = (name for name, is_used in used.items() if is_used)
    assert method == here.entry.config.authentication
    assert method in value
    if method == "client_secret_basic":
        pair = base64.b64decode(call.headers["Authorization"].removeprefix("Basic ")).decode().split(":")
        assert [unquote_plus(text) for text in pair] == [CLIENT_ID, SECRET]


@about("client.algorithms")
async def _algorithms(here: Exchange, value: list[str]) -> None:
    await here.sign_in()
    if here.entry.config.authentication == "private_key_jwt":
        assert part(assertion_of(here), 0)["alg"] in value


@about("client.audience")
async def _audience(here: Exchange, value: list[str]) -> None:
    await here.sign_in()
    if here.entry.config.authentication != "private_key_jwt":
        return
    call = here.token_call()
    known = {"issuer": here.entry.config.issuer, "token_endpoint": call.url, "called_endpoint": call.url}
    aud = part(assertion_of(here), 1)["aud"]
    assert (aud if isinstance(aud, list) else [aud]) == [known[value[0]]] or aud in [known[name] for name in value]


@about("client.lifetime")
async def _lifetime(here: Exchange, value: int) -> None:
    await here.sign_in()
    claims = part(assertion_of(here), 1)
    assert 0 < claims["exp"] - claims["iat"] <= value


@about("client.assertion")
async def _assertion(here: Exchange, value: Mapping[str, Any]) -> None:
    await here.sign_in()
    header, claims = part(assertion_of(here), 0), part(assertion_of(here), 1)
    assert set(value["claims"]) <= claims.keys()
    assert claims["iss"] == claims["sub"] == CLIENT_ID
    if "typ" in value:
        assert header["typ"] == value["typ"]


@about("dpop")
async def _dpop(here: Exchange, value: Mapping[str, Any]) -> None:
    await here.sign_in()
    endpoints = here.simulated.dialect.endpoints
    for role in value["at"]:
        for call in here.wire.called(endpoints.get(role, "")):
            if "DPoP" not in call.headers:
                assert role == "par"
                assert "dpop_jkt" in call.form
                continue
            header, claims = part(call.headers["DPoP"], 0), part(call.headers["DPoP"], 1)
            assert header["alg"] in value["algorithms"]
            assert header["typ"] == "dpop+jwt"
            assert "d" not in header["jwk"]
            assert {"jti", "iat", "htu", "htm"} <= claims.keys()
            assert (claims["htu"], claims["htm"]) == (call.url, call.method)
    last = here.token_call()
    assert set(value["claims"]) <= part(last.headers["DPoP"], 1).keys()
