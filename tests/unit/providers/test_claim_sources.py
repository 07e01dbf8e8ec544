"""Aggregated and distributed claims (OpenID Connect Core 5.6.2): whom the broker believes, and what it never calls."""

from dataclasses import replace
from typing import Any

import pytest

from broker.crypto.jose import load_signing_key, new_signing_key_pem, sign
from broker.model.identity import Identity
from broker.platform.http_client import HttpFailure, HttpResponse, Unreachable
from broker.platform.system import System
from broker.provider import ProviderFailure
from providers.openid import check
from providers.openid.config_tables import ClaimSourceConfig
from tests.unit.providers.stage import config
from tests.unit.providers.wire import AMINA, KEY, Wire, answer, key_set

REGISTER, HOST = "https://register.example", "claims.register.example"
KEYS, ENDPOINT = f"{REGISTER}/jwks", f"https://{HOST}/person?id=7"
REGISTER_KEY = load_signing_key(new_signing_key_pem("ES256"), "ES256", "r-1")
TABLE = ClaimSourceConfig(KEYS, ("address", "phone_number"), (HOST,), ("ES256",))
SAID = {"iss": REGISTER, "address": {"locality": "Aberlan"}, "phone_number": "+447700900123", "given_name": "Eve"}
NAMED = {"address": "register", "phone_number": "register"}


def token(key: Any = REGISTER_KEY, **changes: Any) -> str:
    """A token of the register; a claim of value None is left out."""
    return sign({name: value for name, value in {**SAID, **changes}.items() if value is not None}, key)


def aggregated(text: object, names: object = NAMED) -> dict[str, object]:
    """Members of a userinfo response with a token of the register."""
    return {"_claim_names": names, "_claim_sources": {"register": {"JWT": text}}}


def distributed(endpoint: object = ENDPOINT, **more: object) -> dict[str, object]:
    """Members of a userinfo response with an endpoint of the register."""
    return {"_claim_names": NAMED, "_claim_sources": {"register": {"endpoint": endpoint, **more}}}


async def signed_in(
    system: System, more: object, source: HttpResponse | HttpFailure | None = None, **changes: Any
) -> tuple[Identity | ProviderFailure, Wire]:
    """What becomes of a sign-in whose userinfo response has these members too."""
    wire = Wire(system, userinfo=answer({**AMINA, **(more if isinstance(more, dict) else {})}))
    wire.sources = {KEYS: key_set(REGISTER_KEY), ENDPOINT: source or answer(token(), media_type="application/jwt")}
    return await wire.sign_in(wire.provider(**{"claim_sources": {REGISTER: TABLE}, **changes})), wire


async def test_a_token_of_a_source_gives_the_claims_that_are_listed_for_it(system: System) -> None:
    found, wire = await signed_in(system, aggregated(token()))
    assert isinstance(found, Identity), found
    assert found.claims["address"] == {"locality": "Aberlan"}
    assert found.claims["phone_number"] == "+447700900123"
    assert found.claims["given_name"] == "Amina"
    assert ENDPOINT not in wire.asked


async def test_the_provider_did_not_verify_what_another_party_says(system: System) -> None:
    found, _ = await signed_in(system, aggregated(token()))
    assert isinstance(found, Identity)
    assert found.verification is not None
    assert "address" not in found.verification.claims
    assert "given_name" in found.verification.claims


@pytest.mark.parametrize("secret", [None, "a-token-for-it"])
async def test_an_endpoint_of_a_source_is_called_with_its_token(system: System, secret: str | None) -> None:
    found, wire = await signed_in(system, distributed(access_token=secret))
    assert isinstance(found, Identity), found
    assert found.claims["address"] == {"locality": "Aberlan"}
    expected = {} if secret is None else {"Authorization": f"Bearer {secret}"}
    assert expected in wire.headers
    assert wire.asked.count(ENDPOINT) == 1


@pytest.mark.parametrize(
    "more",
    [
        aggregated(token(iss="https://stranger.example")),
        aggregated(token(iss=None)),
        aggregated("no token"),
        aggregated(token(), {"address": "register", "given_name": "register"}),
        aggregated(token(), {"address": "register", "sub": "register"}),
        *map(
            distributed,
            (
                "https://stranger.example/person",
                f"http://{HOST}/person",
                f"https://{HOST}:8443/person",
                f"https://amina@{HOST}/person",
                f"https://stranger.example/{HOST}",
                f"https://{HOST}.stranger.example/",
                "https://169.254.169.254/latest",
                "file:///etc/passwd",
                "https://[x",
                7,
                None,
            ),
        ),
        {"_claim_names": {"address": "s0"}, "_claim_sources": {"s0": {}}},
        {
            "_claim_names": {f"c{n}": f"s{n}" for n in range(9)},
            "_claim_sources": {f"s{n}": {"JWT": token()} for n in range(9)},
        },
    ],
)
async def test_what_is_not_permitted_ends_the_sign_in_and_is_not_called(system: System, more: object) -> None:
    found, wire = await signed_in(system, more)
    assert isinstance(found, ProviderFailure), found
    assert (found.fault, found.outage) == ("claim_source_unknown", False)
    assert not [url for url in wire.asked if "stranger" in url or HOST in url or "169" in url]
    assert "Aberlan" not in found.detail


@pytest.mark.parametrize(
    "text",
    [
        token(KEY),
        token(load_signing_key(new_signing_key_pem("ES256"), "ES256", "r-1")),
        token(aud="another"),
        token(exp=1),
        token(nbf=4_000_000_000),
    ],
)
async def test_a_token_that_is_not_proven_ends_the_sign_in(system: System, text: str) -> None:
    for more, source in ((aggregated(text), None), (distributed(), answer(text, media_type="application/jwt"))):
        found, _ = await signed_in(system, more, source)
        assert isinstance(found, ProviderFailure), found
        assert (found.fault, found.outage) == ("claim_source_unproven", False)


async def test_an_endpoint_cannot_answer_for_another_source(system: System) -> None:
    other = replace(TABLE, hosts=())
    table = {REGISTER: TABLE, "https://other.example": other}
    signed = answer(token(iss="https://other.example"), media_type="application/jwt")
    found, _ = await signed_in(system, distributed(), signed, claim_sources=table)
    assert isinstance(found, ProviderFailure)
    assert found.fault == "claim_source_unproven"


async def test_keys_that_cannot_be_fetched_are_no_outage_of_the_provider(system: System) -> None:
    wire = Wire(system, userinfo=answer({**AMINA, **aggregated(token())}))
    wire.sources = {KEYS: Unreachable("gone")}
    found = await wire.sign_in(wire.provider(claim_sources={REGISTER: TABLE}))
    assert isinstance(found, ProviderFailure)
    assert (found.fault, found.outage) == ("claim_source_unproven", False)


@pytest.mark.parametrize("source", [Unreachable("gone"), answer("", 500), answer("", 302)])
async def test_a_source_that_does_not_answer_leaves_its_claims_out(
    system: System, source: HttpResponse | HttpFailure
) -> None:
    found, _ = await signed_in(system, distributed(), source)
    assert isinstance(found, Identity)
    assert "address" not in found.claims
    found, _ = await signed_in(system, distributed(), source, required_claims=("address",))
    assert isinstance(found, ProviderFailure)
    assert (found.fault, found.detail) == ("claims_missing", "claims missing: address")


async def test_without_a_table_the_claims_of_others_are_ignored_and_nothing_is_called(system: System) -> None:
    for more in (aggregated(token()), distributed()):
        found, wire = await signed_in(system, more, claim_sources={})
        assert isinstance(found, Identity)
        assert "address" not in found.claims
        assert not {KEYS, ENDPOINT} & set(wire.asked)


@pytest.mark.parametrize(
    ("table", "path"),
    [
        (replace(TABLE, keys_url="http://register.example/jwks"), "keys_url"),
        (replace(TABLE, claims=()), "claims"),
        (replace(TABLE, claims=("address", "sub")), "claims[1]"),
        (replace(TABLE, hosts=("https://x.example",)), "hosts[0]"),
        (replace(TABLE, hosts=("localhost",)), "hosts[0]"),
        (replace(TABLE, algorithms=("HS256",)), "algorithms[0]"),
        (replace(TABLE, algorithms=()), "algorithms"),
    ],
)
def test_a_source_that_cannot_be_used_is_named(table: ClaimSourceConfig, path: str) -> None:
    problems = check(config("https://op.example", claim_sources={REGISTER: table}), development=False)
    assert [problem.path for problem in problems] == [f"claim_sources.{REGISTER}.{path}"]
