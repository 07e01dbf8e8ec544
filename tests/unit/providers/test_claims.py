"""Claims of providers: one odd claim costs that claim alone, is reported by name, and never takes a signed one away."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from broker.model.assurance import Level
from broker.model.identity import Identity
from broker.oidc.claim_formats import has_shape
from broker.platform.http_client import HttpClients
from broker.platform.system import real_system
from broker.provider import ProviderFailure, ProviderFailureReason, UpstreamRedirect, UpstreamRequest
from providers.openid import OpenIdConfig, OpenIdProvider, build
from providers.openid.config import STANDARD_CLAIMS
from providers.openid.config_tables import UpstreamAuthentication
from providers.openid.documents import Documents
from providers.openid.errors import UpstreamError
from providers.openid.identity import IdentityReader, claim_readers, map_claims, merge
from tests.unit.normalize.test_claims import JSON
from tests.unit.providers.citizen import walk
from tests.unit.providers.mock import MockProvider
from tests.unit.providers.stage import CALLBACK, CARD, PATIENCE, by_secret, config, dependencies

pytestmark = pytest.mark.slow

ISSUER = "https://id.bank.example"
SIGNED = {"sub": "amina", "acr": "eid:high", "iat": 1_800_000_000, "name": "Amina Hughes", "birthdate": "1987-04-12"}


def read(userinfo: dict[str, Any], signed: dict[str, Any] | None = None, **changes: Any) -> tuple[Identity, list[str]]:
    """The identity of both documents, and the claims that were reported as malformed."""
    reported: list[str] = []
    configured = config(ISSUER, **{"required_claims": (), **changes})
    found = IdentityReader(CARD, configured).make(
        Documents({**SIGNED, **(signed or {})}, userinfo), 1_800_000_005, reported.append
    )
    return found, reported


@pytest.mark.parametrize("nothing", [None, "", "  ", "\u200b", [], {}])
def test_nothing_at_userinfo_does_not_wipe_out_the_signed_claim(nothing: Any) -> None:
    found, reported = read({"name": nothing, "birthdate": nothing, "address": nothing})
    assert found.claims == {"name": "Amina Hughes", "birthdate": "1987-04-12"}
    assert reported == []


def test_a_malformed_claim_at_userinfo_is_reported_and_does_not_wipe_out_the_signed_claim() -> None:
    found, reported = read({"name": {"en": "Amina"}, "birthdate": "12/04/1987"})
    assert found.claims == {"name": "Amina Hughes", "birthdate": "1987-04-12"}
    assert reported == ["birthdate", "name"]


def test_what_userinfo_says_counts_before_the_id_token() -> None:
    assert read({"name": "Amina Rees"})[0].claims["name"] == "Amina Rees"


def test_one_null_in_an_address_costs_that_member_alone() -> None:
    found, reported = read({"address": {"street_address": "1 High Street", "region": None, "locality": ""}})
    assert found.claims["address"] == {"street_address": "1 High Street"}
    assert reported == []


@pytest.mark.parametrize("blank", ["", " ", "\u3164", None, [], {}, {"en": "Amina"}, 7])
def test_a_blank_or_malformed_claim_is_not_what_is_required(blank: Any) -> None:
    with pytest.raises(UpstreamError) as refused:
        read({"name": blank}, {"name": None}, required_claims=("name", "birthdate"))
    failure = refused.value.failure
    assert (failure.reason, failure.outage) == (ProviderFailureReason.INCOMPLETE, False)
    assert failure.detail.startswith("claims missing: name")
    assert ("malformed" in failure.detail) == (blank in ({"en": "Amina"}, 7))


def test_false_is_a_value_that_satisfies_what_is_required() -> None:
    found, _ = read({"email_verified": False}, required_claims=("email_verified",))
    assert found.claims["email_verified"] is False


def test_a_malformed_claim_is_not_said_to_be_verified() -> None:
    found, _ = read({"birthdate": "12/04/1987"}, {"birthdate": None})
    assert found.verification is not None
    assert found.verification.claims == ("name",)


@pytest.mark.parametrize(
    ("signed", "from_userinfo", "merged"),
    [
        ({"email": "a@x.example", "email_verified": True}, {"email": "b@x.example"}, {"email": "b@x.example"}),
        (
            {"email": "a@x.example", "email_verified": True},
            {"email": "a@x.example"},
            {"email": "a@x.example", "email_verified": True},
        ),
        (
            {"email": "a@x.example", "email_verified": False},
            {"email": "b@x.example", "email_verified": True},
            {"email": "b@x.example", "email_verified": True},
        ),
        ({"email": "a@x.example"}, {"email_verified": True}, {"email": "a@x.example"}),
        (
            {"phone_number": "+447700900982", "phone_number_verified": True},
            {"phone_number_verified": False},
            {"phone_number": "+447700900982", "phone_number_verified": True},
        ),
        ({"email_verified": True}, {}, {"email_verified": True}),
    ],
)
def test_an_address_is_verified_only_if_it_was_said_beside_it(
    signed: dict[str, Any], from_userinfo: dict[str, Any], merged: dict[str, Any]
) -> None:
    assert merge(signed, from_userinfo) == merged


def test_a_malformed_address_takes_its_verification_along() -> None:
    found = map_claims({"email": "jörg@x.example", "email_verified": True}, claim_readers(STANDARD_CLAIMS), None, 0)
    assert (found.claims, found.malformed) == ({}, {"email"})


@given(JSON, JSON)
def test_whatever_a_provider_sends_is_an_identity_with_claims_of_the_right_shape(one: Any, other: Any) -> None:
    odd = dict.fromkeys(STANDARD_CLAIMS, one)
    found, reported = read(odd, dict.fromkeys(STANDARD_CLAIMS, other))
    assert [name for name, value in found.claims.items() if not has_shape(name, value)] == []
    assert set(reported) <= set(STANDARD_CLAIMS)


@asynccontextmanager
async def provider_of(person: dict[str, Any], reported: list[tuple[str, str]]) -> AsyncIterator[OpenIdProvider]:
    """A provider in front of a real server that returns these claims of one person."""
    mock = MockProvider(person)
    await asyncio.to_thread(mock.program.start)
    outgoing = HttpClients(development=True, patience=PATIENCE)
    configured = OpenIdConfig(
        mock.url,
        "portico",
        {},
        acr_missing=Level.LOW,
        algorithms=("RS256",),
        scopes=("openid", "profile", "email", "phone", "address"),
        required_claims=("name",),
        claim_map={**STANDARD_CLAIMS, "locale": "locale"},
        **by_secret(UpstreamAuthentication.CLIENT_SECRET_BASIC),
    )
    on = replace(
        dependencies(real_system(), outgoing),
        count_malformed=lambda provider, claim: reported.append((provider, claim)),
    )
    try:
        made = build(CARD, configured, on)
        assert isinstance(made, OpenIdProvider)
        yield made
    finally:
        await outgoing.close()
        await asyncio.to_thread(mock.program.stop)


async def test_odd_claims_of_a_real_server_are_converted_or_left_out_counted_and_logged_without_the_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    person = {
        "sub": "amina",
        "name": " Zoe\u0308  O\u2019Neill\u200b",
        "given_name": {"en": "secret"},
        "family_name": None,
        "birthdate": "1977-00-00",
        "email": "amina@b\u00fccher.example",
        "email_verified": "true",
        "phone_number": 7700900982,
        "phone_number_verified": True,
        "address": {"street_address": "1 High Street", "region": None, "postal_code": 12345},
        "locale": "en_gb",
    }
    reported: list[tuple[str, str]] = []
    caplog.set_level(logging.INFO, "portico.providers")
    async with provider_of(person, reported) as provider:
        departure = await provider.begin(UpstreamRequest(Level.LOW, "s-0", CALLBACK, "en"))
        assert isinstance(departure, UpstreamRedirect)
        found = await provider.complete(departure.provider_state, await walk(departure.url, CALLBACK, {"sub": "amina"}))
    assert isinstance(found, Identity), found
    assert found.claims == {
        "name": "Zoë O\u2019Neill",
        "birthdate": "1977",
        "email": "amina@xn--bcher-kva.example",
        "email_verified": True,
        "address": {"street_address": "1 High Street", "postal_code": "12345"},
        "locale": "en-GB",
    }
    assert reported == [("eid", "given_name"), ("eid", "phone_number")]
    lines = [record for record in caplog.records if record.getMessage() == "claim_malformed"]
    assert [(line.__dict__["provider"], line.__dict__["claim"]) for line in lines] == reported
    assert "secret" not in caplog.text
    assert "7700900982" not in str([line.__dict__ for line in lines])


async def test_a_blank_name_of_a_real_server_is_an_incomplete_reply_and_no_outage() -> None:
    async with provider_of({"sub": "amina", "name": "\u200b "}, []) as provider:
        departure = await provider.begin(UpstreamRequest(Level.LOW, "s-0", CALLBACK, "en"))
        assert isinstance(departure, UpstreamRedirect)
        failure = await provider.complete(
            departure.provider_state, await walk(departure.url, CALLBACK, {"sub": "amina"})
        )
    assert isinstance(failure, ProviderFailure)
    assert (failure.reason, failure.outage) == (ProviderFailureReason.INCOMPLETE, False)
