"""Userinfo as a token, and the identity token in it: what is accepted, where keys come from, what takes precedence."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from broker.crypto.jose import sign
from broker.model.assurance import Level
from broker.model.identity import Identity
from broker.platform.http_client import Unreachable
from broker.platform.system import System
from broker.provider import ProviderFailure
from providers.openid import check
from providers.openid.config_tables import (
    DocumentPlace,
    IdentityTokenConfig,
    LevelAnswer,
    LevelComparison,
    UserinfoConfig,
    UserinfoForm,
)
from providers.openid.did_document import document_url, max_age, read_document
from tests.support.system import FakeClock
from tests.unit.providers.stage import config
from tests.unit.providers.wire import (
    AMINA,
    DID,
    DID_DOCUMENT,
    DID_METHOD,
    IDENTITY_TABLE,
    KEY,
    Wire,
    answer,
    encrypted,
)

TOKEN = sign({**AMINA, "iss": "https://op.example", "aud": ["portico"], "given_name": "From the token"}, KEY)


@pytest.mark.parametrize(
    ("form", "body", "media_type"),
    [
        (UserinfoForm.SIGNED, TOKEN, "application/jwt"),
        (UserinfoForm.SIGNED, TOKEN, "application/jose"),
        (UserinfoForm.SIGNED, sign({**AMINA, "given_name": "From the token"}, KEY), "application/jwt"),
        (UserinfoForm.NESTED, encrypted(TOKEN), "application/jwt"),
        (UserinfoForm.ENCRYPTED, encrypted('{"sub": "amina", "given_name": "From the token"}'), "application/jwt"),
    ],
)
async def test_a_response_is_opened_in_the_configured_form(
    system: System, form: UserinfoForm, body: str, media_type: str
) -> None:
    wire = Wire(system, userinfo=answer(body, media_type=media_type))
    provider = wire.provider(
        userinfo_response=UserinfoConfig(form), encryption_key_files=(Path("key.pem"),), required_claims=()
    )
    identity = await wire.sign_in(provider)
    assert isinstance(identity, Identity), identity
    assert identity.claims["given_name"] == "From the token"


async def test_the_identity_token_takes_precedence_and_has_a_level(system: System) -> None:
    wire = Wire(system, proves=True, claims={"vot": "Cl.Cm"})
    wire.said = {"vot": "P2", "given_name": "Proven", "birthdate": None, "family_name": ""}
    provider = wire.provider(
        identity_token=IDENTITY_TABLE,
        levels={"P1": Level.LOW, "P2": Level.SUBSTANTIAL},
        acr_values={},
        level_answer=LevelAnswer(DocumentPlace.IDENTITY_TOKEN, "vot", LevelComparison.VECTOR),
        credential_answer=LevelAnswer(DocumentPlace.ID_TOKEN, "vot", LevelComparison.VECTOR),
        credential_levels={"Cl": Level.LOW, "Cl.Cm": Level.HIGH},
    )
    identity = await wire.sign_in(provider)
    assert isinstance(identity, Identity), identity
    assert identity.level is Level.SUBSTANTIAL
    assert identity.claims["given_name"] == "Proven"
    assert identity.claims["family_name"] == "Hughes"
    assert wire.asked[-1] == "https://identity.example/.well-known/did.json"
    wire.claims = {"vot": "Cl"}
    weaker = await wire.sign_in(provider)
    assert isinstance(weaker, Identity)
    assert weaker.level is Level.LOW
    assert wire.asked.count("https://identity.example/.well-known/did.json") == 1


async def test_an_identity_token_may_be_optional(system: System) -> None:
    wire = Wire(system)
    assert isinstance(
        await wire.sign_in(wire.provider(identity_token=replace(IDENTITY_TABLE, required=False))), Identity
    )


async def test_known_keys_are_used_while_the_document_cannot_be_fetched(system: System, clock: FakeClock) -> None:
    wire = Wire(system, proves=True)
    provider = wire.provider(identity_token=replace(IDENTITY_TABLE, stale=3600))
    assert isinstance(await wire.sign_in(provider), Identity)
    wire.did = Unreachable("no")
    clock.advance(3000)
    assert isinstance(await wire.sign_in(provider), Identity)
    clock.advance(3000)
    failure = await wire.sign_in(provider)
    assert isinstance(failure, ProviderFailure)
    assert (failure.fault, failure.outage) == ("did_unreachable", True)


async def test_a_rotated_key_is_fetched_when_it_is_needed(system: System) -> None:
    wire = Wire(system, proves=True)
    provider = wire.provider(identity_token=IDENTITY_TABLE)
    assert isinstance(await wire.sign_in(provider), Identity)
    fresh = {
        **DID_METHOD,
        "id": f"{DID}#new",
        "publicKeyJwk": {name: KEY.jwk[name] for name in ("kty", "crv", "x", "y")},
    }
    wire.did = answer({**DID_DOCUMENT, "verificationMethod": [fresh], "assertionMethod": [f"{DID}#new"]})
    wire.identity_key, wire.identity_kid = KEY, f"{DID}#new"
    assert isinstance(await wire.sign_in(provider), Identity)


async def test_the_keys_may_be_a_key_set_or_those_of_the_provider(system: System) -> None:
    wire = Wire(system, proves=True, identity_key=KEY, identity_kid="k-1")
    for table in (
        replace(IDENTITY_TABLE, did=None),
        replace(IDENTITY_TABLE, did=None, keys_url="https://identity.example/jwks"),
    ):
        assert isinstance(await wire.sign_in(wire.provider(identity_token=table)), Identity)
    assert "https://identity.example/jwks" in wire.asked


def test_a_method_may_stand_in_the_list_itself_and_have_a_relative_id() -> None:
    inline = {**DID_DOCUMENT, "verificationMethod": [], "assertionMethod": [{**DID_METHOD, "id": "#k"}]}
    assert set(read_document(inline, DID).keys) == {f"{DID}#k"}
    relative = {**DID_DOCUMENT, "assertionMethod": ["#k"]}
    assert set(read_document(relative, DID).keys) == {f"{DID}#k"}


@pytest.mark.parametrize(
    ("did", "url"),
    [
        ("did:web:identity.example", "https://identity.example/.well-known/did.json"),
        ("did:web:identity.example:a:b", "https://identity.example/a/b/did.json"),
        ("did:web:localhost%3A3000", "https://localhost:3000/.well-known/did.json"),
        ("did:key:abc", None),
        ("did:web:", None),
        ("did:web:a b", None),
    ],
)
def test_a_did_has_the_url_of_its_method(did: str, url: str | None) -> None:
    assert document_url(did) == url


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("max-age=3600, private", 3600),
        ("private,max-age=3600", 3600),
        ("", 300),
        ("max-age=0", 300),
        ("max-age=99999999", 86_400),
        ("s-max-age=7000", 300),
    ],
)
def test_a_document_is_fresh_as_long_as_its_response_says_within_bounds(header: str, seconds: float) -> None:
    assert max_age(header) == seconds


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"userinfo_response": UserinfoConfig(UserinfoForm.NESTED)}, "encryption_key_files"),
        ({"userinfo_response": UserinfoConfig(algorithms=("HS256",))}, "userinfo_response.algorithms[0]"),
        ({"identity_token": IdentityTokenConfig("a..b")}, "identity_token.claim"),
        ({"identity_token": IdentityTokenConfig("a", did="did:key:x")}, "identity_token.did"),
        ({"identity_token": IdentityTokenConfig("a", did=DID, keys_url="https://a.example")}, "identity_token"),
        ({"identity_token": IdentityTokenConfig("a", algorithms=())}, "identity_token.algorithms"),
        ({"identity_token": IdentityTokenConfig("a", DocumentPlace.IDENTITY_TOKEN)}, "identity_token.place"),
        ({"level_answer": LevelAnswer(DocumentPlace.IDENTITY_TOKEN)}, "identity_token"),
    ],
)
def test_settings_that_cannot_work_are_reported(changes: dict[str, Any], path: str) -> None:
    assert path in {problem.path for problem in check(config("https://op.example", **changes), development=False)}
