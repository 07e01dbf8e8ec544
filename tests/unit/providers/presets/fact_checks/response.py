"""Checks of responses: errors, tokens, levels, userinfo, the second JWT."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from broker.model.identity import Identity
from broker.provider import ProviderFailure, ProviderFailureReason
from providers.simulator.national import Answer
from tests.unit.providers.presets.exchange import CLIENT_ID, Exchange, send
from tests.unit.providers.presets.fact_checks.exchanged import (
    at,
    id_token_of,
    level_of,
    opened,
    part,
    replayed,
    tokens_of,
)
from tests.unit.providers.presets.fact_checks.registry import about


@about("response.iss")
async def _iss(here: Exchange, value: bool | str) -> None:  # noqa: FBT001
    """True, false, or `success`: in responses with a code alone."""
    for answer, expected in ((Answer(), bool(value)), (Answer(error="server_error"), value is True)):
        departure = await here.leave()
        response = await here.visit(departure.url, answer)
        assert response.parameters.get("iss") == (here.entry.config.issuer if expected else None)
        assert here.provider.matches_callback(departure.provider_state, response)
    without = replace(response, parameters={"code": "a"})
    assert here.provider.matches_callback(departure.provider_state, without) is not bool(value)


@about("response.errors")
async def _errors(here: Exchange, value: Mapping[str, str]) -> None:
    for text, reason in value.items():
        error, _, description = text.partition(": ")
        failure = await here.sign_in(Answer(error=error, description=description))
        assert isinstance(failure, ProviderFailure)
        assert failure.reason == ProviderFailureReason(reason), text
        assert not failure.outage


@about("token.errors")
async def _token_errors(here: Exchange, value: Mapping[str, str]) -> None:
    for error, reason in value.items():
        failure = await here.sign_in(Answer(token_error=error))
        assert isinstance(failure, ProviderFailure)
        assert failure.reason == ProviderFailureReason(reason), error


@about("token.type")
async def _token_type(here: Exchange, value: str) -> None:
    tokens = await tokens_of(here)
    assert tokens["token_type"] == value
    if "userinfo" in here.simulated.dialect.endpoints and here.entry.config.userinfo:
        calls = here.wire.called(here.simulated.dialect.endpoints["userinfo"])
        assert all(call.headers["Authorization"].lower().startswith(value.lower()) for call in calls)


@about("id_token.algorithms")
async def _id_token_algorithms(here: Exchange, value: list[str]) -> None:
    assert part(opened((await tokens_of(here))["id_token"]), 0)["alg"] in value
    assert set(here.entry.config.algorithms) <= set(value)


@about("id_token.encryption")
async def _id_token_encryption(here: Exchange, value: Mapping[str, list[str]]) -> None:
    token = (await tokens_of(here))["id_token"]
    if token.count(".") == 4:
        header = part(token, 0)
        assert header["alg"] in value["key"]
        assert header["enc"] in value["content"]
        assert set(here.entry.config.id_token.encryption_algorithms) <= set(value["key"])
        assert set(here.entry.config.id_token.content_encryption) >= set(value["content"])


@about("id_token.claims")
async def _id_token_claims(here: Exchange, value: list[str]) -> None:
    claims = await id_token_of(here)
    assert set(value) - claims.keys() == set()


@about("level.place")
async def _level_place(here: Exchange, value: Mapping[str, str]) -> None:
    if value["document"] == "id_token":
        claims = await id_token_of(here)
        assert at(claims, value["claim"]) is not None
        if "vtm" in value:
            assert claims["vtm"] == value["vtm"]


@about("level.values")
async def _level_values(here: Exchange, value: Mapping[str, str]) -> None:
    for level in {level_of(name) for name in value.values()}:
        if level <= here.entry.card.max_level:
            identity = await here.sign_in(level=level)
            assert isinstance(identity, Identity), identity
            assert identity.level >= level
    here.simulated.script.next.clear()


@about("userinfo")
async def _userinfo(here: Exchange, value: Mapping[str, Any]) -> None:
    await here.sign_in()
    endpoint = here.simulated.dialect.endpoints.get("userinfo", "")
    assert bool(here.wire.called(endpoint)) == (value["format"] != "none")
    if value["format"] != "none":
        assert here.wire.called(endpoint)[-1].method == value.get("method", "GET")
        response = await replayed(here, here.wire.called(endpoint)[-1])
        if response is not None:
            assert response.media_type == value.get("media_type", "application/json")


@about("identity_token")
async def _identity_token(here: Exchange, value: Mapping[str, Any]) -> None:
    await here.sign_in(level=here.entry.card.max_level)
    call = here.wire.called(here.simulated.dialect.endpoints["userinfo"])[-1]
    token = json.loads((await send(here.wire.app, call)).body)[value["claim"]]
    header, claims = part(token, 0), part(token, 1)
    assert header["alg"] in value["algorithms"]
    assert header["kid"].startswith(f"{value['did']['live']}#")
    assert (claims["iss"], claims["aud"]) == (value["issuer"]["live"], CLIENT_ID)
    assert claims["exp"] - claims["iat"] == value["seconds"]
    document = f"https://{value['did']['live'].removeprefix('did:web:')}/.well-known/did.json"
    assert here.wire.called(document)
