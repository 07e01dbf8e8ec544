"""A check for each topic of the facts, on literal values of the wire: of what the broker sends, of what the simulator
answers. Nothing is read through the broker's or the simulator's own code."""

import base64
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urljoin, urlsplit

from joserfc import jwe
from joserfc.jwk import ECKey, RSAKey

from broker.model.assurance import Level
from broker.model.identity import Identity
from broker.model.session import UpstreamLogout
from broker.provider import LogoutRedirect, ProviderFailure, ProviderFailureReason
from providers.simulator.national import PEOPLE, Answer
from tests.unit.providers.presets.exchange import CLIENT_ID, SECRET, Call, Exchange, key_pem, send

Check = Callable[[Exchange, Any], Awaitable[None]]
CHECKS: dict[str, Check] = {}


def about(topic: str) -> Callable[[Check], Check]:
    """Registers the check of a topic."""

    def register(check: Check) -> Check:
        CHECKS[topic] = check
        return check

    return register


def part(token: str, index: int) -> Mapping[str, Any]:
    """The header (0) or the claims (1) of a signed JWT."""
    text = token.split(".")[index]
    found: Mapping[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


def opened(token: str) -> str:
    """The content of a token that is encrypted to one of the broker's keys, else the token."""
    if token.count(".") == 2:
        return token
    header = part(token, 0)
    pem = key_pem("RSA" if header["alg"].startswith("RSA") else "P-256", "enc")
    key = RSAKey.import_key(pem) if header["alg"].startswith("RSA") else ECKey.import_key(pem)
    plain = jwe.decrypt_compact(token, key, algorithms=[header["alg"], header["enc"]]).plaintext
    assert plain is not None
    return plain.decode()


def at(document: Any, path: str) -> Any:
    """The value at a path of dots, or under the whole name."""
    for name in [path] if path in document else path.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document


async def tokens_of(here: Exchange) -> Mapping[str, Any]:
    """The token response of a sign-in, as the simulator sent it."""
    found: list[Mapping[str, Any]] = []
    real = here.wire.app

    async def listening(scope: Any, receive: Any, transmit: Any) -> None:
        async def keep(message: Any) -> None:
            if message["type"] == "http.response.body" and scope["path"].endswith(path):
                found.append(json.loads(message["body"]))
            await transmit(message)

        await real(scope, receive, keep)

    path = urlsplit(here.simulated.dialect.endpoints["token"]).path
    here.wire.app = listening
    try:
        await here.sign_in(level=here.entry.card.max_level)
    finally:
        here.wire.app = real
    return found[-1]


async def id_token_of(here: Exchange) -> Mapping[str, Any]:
    """The claims of the ID token of a sign-in."""
    return part(opened((await tokens_of(here))["id_token"]), 1)


def assertion_of(here: Exchange) -> str:
    """The client assertion of the last token request."""
    return here.token_call().form["client_assertion"]


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
    assert value in ("required", "optional", "unmentioned")
    await here.sign_in()
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


def level_of(name: str) -> Any:
    """A level by its name in the facts."""
    return Level[name.upper()]


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
    if asked.get("prompt") == "login":
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


@about("response.iss")
async def _iss(here: Exchange, value: bool) -> None:  # noqa: FBT001
    departure = await here.leave()
    answer = await here.visit(departure.url)
    assert answer.parameters.get("iss") == (here.entry.config.issuer if value else None)
    assert here.provider.matches_callback(departure.provider_state, answer)


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


async def replayed(here: Exchange, call: Call) -> Any:
    """The response to a call that may be sent twice: not one with a proof of possession."""
    return None if "DPoP" in call.headers else await send(here.wire.app, call)


@about("claims")
async def _claims(here: Exchange, value: Mapping[str, str]) -> None:
    identity = await here.sign_in(level=here.entry.card.max_level)
    assert isinstance(identity, Identity), identity
    assert set(identity.claims) <= set(value) | {"name", "given_name", "family_name", "email_verified", "acting_for"}
    mapped = {ours for ours in value if ours in here.entry.config.claim_map}
    assert mapped, "the preset maps no claim of the facts"
    for ours in mapped & {"name", "given_name", "family_name", "birthdate"}:
        expected = {
            "name": "Amina Hughes",
            "given_name": "Amina",
            "family_name": "Hughes",
            "birthdate": "1987-04-12",
        }
        assert identity.claims[ours] == expected[ours]


@about("subject")
async def _subject(here: Exchange, value: Mapping[str, Any]) -> None:
    identity = await here.sign_in()
    assert isinstance(identity, Identity), identity
    if "claim" not in value:
        assert (await id_token_of(here))["sub"].strip("{}") == identity.subject.strip("{}")
    example = value.get("example", "")
    if example.isdigit():
        assert identity.subject.isdigit()
        assert len(identity.subject) == len(example)
    elif not example[:8].isalnum() or example[:2].isupper():
        assert identity.subject.startswith(example[: 20 if ":" in example else 2 if example[:2].isupper() else 0])


@about("acting")
async def _acting(here: Exchange, value: list[str]) -> None:
    person = next(one for one in PEOPLE if one.for_entity)
    outcome = await here.sign_in(Answer(person=person))
    if here.entry.config.acting.id is None:
        assert isinstance(outcome, ProviderFailure)
        assert outcome.reason in (ProviderFailureReason.UNSAFE, ProviderFailureReason.NOT_VERIFIED), value
    else:
        assert isinstance(outcome, Identity), outcome
        assert outcome.act is not None
        assert outcome.act.id == person.for_entity
        assert outcome.subject != (await id_token_of(here))["sub"]


@about("logout")
async def _logout(here: Exchange, value: Mapping[str, Any]) -> None:
    identity = await here.sign_in()
    assert isinstance(identity, Identity), identity
    parting = LogoutRedirect("s" * 32, "https://broker.example/signed-out", "en", identity.subject, identity.id_token)
    found = await here.provider.end_session(parting)
    url = getattr(found, "url", found)
    if value["kind"] in ("none", "revoke"):
        assert url is None
        return
    assert url is not None
    query = parse_qs(urlsplit(url).query)
    assert query["post_logout_redirect_uri"] == ["https://broker.example/signed-out"]
    assert value["hint"] in (*query, "none")
    response = await send(here.wire.app, Call("GET", url, {}, {}))
    assert response.status == 303
    assert response.headers["location"].startswith("https://broker.example/signed-out")


@about("request.object")
async def _request_object(here: Exchange, value: Mapping[str, Any]) -> None:
    await here.sign_in()
    asked = dict(parse_qsl(urlsplit(here.visited[-1]).query))
    assert ("request" in asked) == (value["use"] == "required")
    if "request" in asked:
        claims, issuer = part(asked["request"], 1), here.entry.config.issuer
        expected = issuer if value["audience"] == "issuer" else urljoin(issuer, value["audience"])
        assert (claims["iss"], claims["aud"]) == (CLIENT_ID, expected)
        for name in value["beside"]:
            assert asked[name] == claims[name]


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


@about("logout.received")
async def _logout_received(here: Exchange, value: Mapping[str, Any]) -> None:
    assert here.entry.config.logout.backchannel == value["backchannel"]
    identity = await here.sign_in()
    assert isinstance(identity, Identity), identity
    sent = await send(here.wire.app, Call("POST", f"https://_logout-token/{here.entry.id}", {}, {"person": "amina"}))
    assert (sent.status == 200) == value["backchannel"]
    if value["backchannel"]:
        claims = part(sent.body.decode(), 1)
        assert ("sid" in claims) == value.get("sid", False)
        assert claims["exp"] - claims["iat"] == value.get("seconds", claims["exp"] - claims["iat"])
        found = await here.provider.read_logout(sent.body.decode())
        assert isinstance(found, UpstreamLogout), found
        assert (found.issuer, found.subject) == (identity.issuer, identity.subject)
