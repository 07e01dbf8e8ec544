"""Checks of authorization requests, as they stood on the wire."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urljoin, urlsplit

from broker.model.identity import Identity
from tests.unit.providers.presets.exchange import CLIENT_ID, Exchange
from tests.unit.providers.presets.fact_checks.exchanged import level_of, part, tokens_of
from tests.unit.providers.presets.fact_checks.registry import about


@about("request.scopes")
async def _scopes(here: Exchange, value: list[str]) -> None:
    await here.sign_in()
    patterns = [re.escape(one).replace(r"\.\*", r"\..*").replace("<CODE>", ".*") for one in value]
    for scope in here.asked()["scope"].split():
        assert any(re.fullmatch(pattern, scope) for pattern in patterns), scope


async def _random(here: Exchange, name: str, value: Mapping[str, Any]) -> None:
    await here.sign_in()
    text = here.asked()[name]
    assert value.get("least", 1) <= len(text) <= value.get("most", 512)
    assert re.fullmatch(f"(?:{value.get('alphabet', '[!-~]')})+", text)


@about("request.state")
async def _state(here: Exchange, value: Mapping[str, Any]) -> None:
    await _random(here, "state", value)


@about("request.nonce")
async def _nonce(here: Exchange, value: Mapping[str, Any]) -> None:
    await _random(here, "nonce", value)


@about("request.pkce")
async def _pkce(here: Exchange, value: str) -> None:
    assert value in ("required", "optional", "unmentioned", "refused")
    await here.sign_in()
    if value == "refused":
        assert not {"code_challenge", "code_challenge_method"} & here.asked().keys()
        assert "code_verifier" not in here.token_call().form
        return
    assert here.asked()["code_challenge_method"] == "S256"
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", here.asked()["code_challenge"])
    assert 43 <= len(here.token_call().form["code_verifier"]) <= 128


@about("request.pushed")
async def _pushed(here: Exchange, value: Mapping[str, Any]) -> None:
    await here.sign_in()
    query = parse_qs(urlsplit(here.visited[-1]).query)
    assert value["use"] in ("required", "optional")
    assert ("request_uri" in query) == here.entry.config.pushed
    if value["use"] == "required" or here.entry.config.pushed:
        assert query.keys() == {"client_id", "request_uri"}


@about("request.object")
async def _request_object(here: Exchange, value: Mapping[str, Any]) -> None:
    await here.sign_in()
    asked = dict(parse_qsl(urlsplit(here.visited[-1]).query))
    assert ("request" in asked) == (here.entry.config.request_object is not None)
    assert "request" in asked or value["use"] != "required"
    if "request" in asked:
        claims, issuer = part(asked["request"], 1), here.entry.config.issuer
        expected = issuer if value["audience"] == "issuer" else urljoin(issuer, value["audience"])
        assert (claims["iss"], claims["aud"]) == (CLIENT_ID, expected)
        for name in value["beside"]:
            assert asked[name] == claims[name]


@about("request.parameters")
async def _parameters(here: Exchange, value: Mapping[str, str]) -> None:
    await here.sign_in()
    assert value.items() <= here.asked().items()


@about("request.level")
async def _level(here: Exchange, value: Mapping[str, str]) -> None:
    for level, literal in value.items():
        if level != "parameter" and level_of(level) <= here.entry.card.max_level:
            await here.sign_in(level=level_of(level))
            assert here.asked()[value["parameter"]] == literal


@about("request.permitted")
async def _permitted(here: Exchange, value: list[str]) -> None:
    for changes in ({}, {"fresh": True}, {"max_age": 600}):
        identity = await here.sign_in(**changes)
        assert isinstance(identity, Identity), identity
        assert here.asked().keys() <= set(value)


@about("request.prompt")
async def _prompt(here: Exchange, value: list[str]) -> None:
    for fresh in (False, True):
        await here.sign_in(fresh=fresh)
        assert here.asked().get("prompt", value[0]) in value


@about("request.reauthentication")
async def _reauthentication(here: Exchange, value: list[str]) -> None:
    await here.sign_in(fresh=True)
    asked = here.asked()
    assert ("max_age" in asked) == ("max_age" in value)
    if "id_token_hint" in value:
        assert "prompt" not in asked
        token = (await tokens_of(here))["id_token"]
        await here.sign_in(fresh=True, id_token_hint=token)
        assert "request" in dict(parse_qsl(urlsplit(here.visited[-1]).query))
        assert (here.asked()["prompt"], here.asked()["id_token_hint"]) == ("login", token)
    elif asked.get("prompt") == "login":
        assert "prompt_login" in value or here.simulated.dialect.words("request.prompt")


@about("request.language")
async def _language(here: Exchange, value: Mapping[str, Any]) -> None:
    for language in ("en", "fr", "cy", "nb", "et"):
        await here.sign_in(language=language)
        asked = here.asked()
        sent = [name for name in ("ui_locales", "locale", "language") if name in asked]
        assert sent == [value["parameter"]]
        exact = [one for one in value["values"] if one == language or one.startswith(f"{language}-")]
        if exact:
            assert asked[value["parameter"]] in exact


@about("request.claims")
async def _claims_request(here: Exchange, value: Mapping[str, Any]) -> None:
    await here.sign_in()
    if "claims" in here.asked():
        for place, names in json.loads(here.asked()["claims"]).items():
            assert set(names) <= set(value[place])


@about("request.response_mode")
async def _response_mode(here: Exchange, value: list[str]) -> None:
    await here.sign_in()
    assert here.asked().get("response_mode", "query") in value
