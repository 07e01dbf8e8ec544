"""What the discovery document announces is so at the running door, and what it does not announce is refused."""

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest

from tests.e2e.app_harness import Stage
from tests.e2e.raw_client import Forms, HttpSender, RawCitizen, Reply
from tests.e2e.relying_service import rides
from tests.security.endpoint_client import Endpoints, refused

Document = Mapping[str, Any]


@pytest.fixture
async def document(endpoints: Endpoints) -> Document:
    """The discovery document; it is the same at both of its places."""
    known = [
        (await endpoints.send("GET", f"/.well-known/{name}")).expect()
        for name in ("openid-configuration", "oauth-authorization-server")
    ]
    assert known[0].body == known[1].body
    assert known[0].json["issuer"] == endpoints.issuer
    return known[0].json


@pytest.fixture
def raw_citizen(stage: Stage, line: HttpSender) -> RawCitizen:
    """A citizen with a fresh browser, and a service that uses PAR."""
    return RawCitizen(line, rides(stage.folder, stage.issuer))


async def test_every_announced_endpoint_exists(endpoints: Endpoints, document: Document) -> None:
    named = [name for name in document if name.endswith("_endpoint") or name in ("jwks_uri", "check_session_iframe")]
    assert len(named) >= 9
    for name in named:
        assert document[name].startswith(f"{endpoints.issuer}/")
        reply = await endpoints.send("GET", document[name].removeprefix(endpoints.issuer))
        assert reply.status in (200, 400, 401, 405), (name, reply.status)


async def test_every_algorithm_of_ours_that_is_announced_has_its_key(endpoints: Endpoints, document: Document) -> None:
    shown = (await endpoints.send("GET", "/jwks")).expect().json["keys"]
    signing = [key for key in shown if key["use"] == "sig"]
    announced = document["id_token_signing_alg_values_supported"]
    assert (
        {key["alg"] for key in signing} == set(announced) == set(document["authorization_signing_alg_values_supported"])
    )
    assert len({key["kid"] for key in shown}) == len(shown)
    assert not any({"d", "p", "q", "k", "x5u"} & set(key) for key in shown)


async def carried(raw_citizen: RawCitizen, reply: Reply) -> tuple[str, dict[str, str]]:
    """How an answer travels, and its parameters."""
    if reply.status == 303:
        there = urlsplit(reply.location)
        return "query", dict(parse_qsl(there.query))
    fields = Forms(reply.expect().body).found[raw_citizen.service.redirect_uri]
    return "form_post", fields


async def test_every_response_mode_that_is_announced_carries_an_answer(
    raw_citizen: RawCitizen, document: Document
) -> None:
    keys = jwt.PyJWKSet.from_dict((await raw_citizen.http_sender.send("GET", document["jwks_uri"])).expect().json)
    for mode in document["response_modes_supported"]:
        (await raw_citizen.push(response_mode=mode, prompt="none")).expect(201)
        way, answer = await carried(raw_citizen, await raw_citizen.authorize())
        assert way == ("form_post" if "form_post" in mode else "query"), mode
        if mode.endswith("jwt"):
            assert set(answer) == {"response"}, mode
            key = keys[jwt.get_unverified_header(answer["response"])["kid"]]
            algorithms = document["authorization_signing_alg_values_supported"]
            answer = jwt.decode(
                answer["response"], key, algorithms, audience="rides", issuer=raw_citizen.issuer, leeway=10
            )
        assert (answer["error"], answer["state"], answer["iss"]) == (
            "login_required",
            raw_citizen.state,
            raw_citizen.issuer,
        ), mode
    for mode in ("fragment", "fragment.jwt", "web_message", "QUERY", "query form_post"):
        refused(await raw_citizen.push(response_mode=mode), "invalid_request")


async def test_every_prompt_scope_level_and_challenge_that_is_announced_is_taken(
    raw_citizen: RawCitizen, document: Document
) -> None:
    for prompt in document["prompt_values_supported"]:
        (await raw_citizen.push(prompt=prompt)).expect(201)
    for scope in document["scopes_supported"]:
        (await raw_citizen.push(scope=" ".join(dict.fromkeys(("openid", scope))))).expect(201)
    for level in document["acr_values_supported"]:
        (await raw_citizen.push(acr_values=level)).expect(201)
    for kind in document["response_types_supported"]:
        (await raw_citizen.push(response_type=kind)).expect(201)
    for method in document["code_challenge_methods_supported"]:
        (await raw_citizen.push(code_challenge_method=method)).expect(201)
    refused(await raw_citizen.push(prompt="register"), "invalid_request")
    refused(await raw_citizen.push(code_challenge_method="plain"), "invalid_request")
    for kind in ("token", "id_token", "code id_token", "code token", "none"):
        error = (await raw_citizen.push(response_type=kind)).expect(400).json["error"]
        assert error == "unsupported_response_type"


async def test_every_announced_ui_locale_has_pages(
    raw_citizen: RawCitizen, document: Document, line: HttpSender
) -> None:
    for language in document["ui_locales_supported"]:
        fresh = RawCitizen(line, raw_citizen.service)
        await fresh.begin(ui_locales=language)
        assert f'lang="{language}"'.encode() in (await fresh.visit(fresh.page)).expect().body


async def test_every_way_to_authenticate_that_is_announced_works_wherever_it_is(
    endpoints: Endpoints, raw_citizen: RawCitizen, document: Document, stage: Stage
) -> None:
    def secret(name: str) -> str:
        return (stage.folder / ".demo" / "secrets" / name).read_text().strip()

    basic = base64.b64encode(f"demo-service:{secret('demo-service')}".encode()).decode()
    ways: dict[str, tuple[dict[str, str], list[tuple[str, str]]]] = {
        "private_key_jwt": ({}, []),
        "client_secret_basic": ({}, [("Authorization", f"Basic {basic}")]),
        "client_secret_post": ({"client_id": "library", "client_secret": secret("library")}, []),
    }
    for endpoint in ("token", "introspection", "revocation"):
        assert set(document[f"{endpoint}_endpoint_auth_methods_supported"]) == set(ways)
    for method, (fields, headers) in ways.items():
        for path, form, expected in (
            ("/introspect", {"token": "x"}, 200),
            ("/revoke", {"token": "x"}, 200),
            ("/token", {"grant_type": "authorization_code", "code": "x"}, "invalid_grant"),
            ("/par", {"response_type": "code"}, "invalid_request"),
        ):
            own = raw_citizen.service.assertion() if method == "private_key_jwt" else fields
            reply = await endpoints.post(path, {**form, **own}, *headers)
            assert (reply.status if reply.status == 200 else reply.json["error"]) == expected, (method, path)


async def test_features_announced_as_unsupported_are_refused(raw_citizen: RawCitizen, document: Document) -> None:
    assert document["request_uri_parameter_supported"] is False
    refused(await raw_citizen.push(request_uri="https://rides.example/r"), "invalid_request")
    assert "registration_endpoint" not in document
    refused(await raw_citizen.push(registration="{}"))
    assert document["request_parameter_supported"] is True
    refused(await raw_citizen.push(request="e30.e30.e30"))
