"""Recheck of a sign-in by its refresh token (OpenID Connect Core 12), without a network."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from broker.model.identity import Identity
from broker.platform.http_client import HttpResponse, Unreachable
from broker.platform.system import System
from broker.provider import LogoutRedirect, ProviderFailure, Recheck, UpstreamRedirect
from providers.openid import OpenIdProvider
from providers.openid.config_tables import DpopConfig, LogoutConfig, LogoutKind, RefreshConfig
from providers.openid.session_recheck import RECHECK_WITHIN
from providers.openid.token_endpoint import LONGEST_REFRESH_TOKEN
from tests.support.system import FakeClock
from tests.unit.providers.stage import ASK
from tests.unit.providers.wire import ACCESS, AMINA, ISSUER, METADATA, OTHER, Wire, answer

REFRESH = {"refresh": RefreshConfig(recheck=600)}
PARTING = LogoutRedirect("s-1", "https://broker.example/signed-out", "en", "amina")


def token_of(identity: Identity) -> object:
    """The refresh token that is kept."""
    assert identity.grant is not None
    return identity.grant.note.get("refresh_token")


async def signed_in(wire: Wire, **settings: Any) -> tuple[OpenIdProvider, Identity]:
    """A citizen who signed in at a provider that issued the refresh token `r-1`."""
    wire.tokens = {"refresh_token": "r-1", **wire.tokens}
    provider = wire.provider(**REFRESH, **settings)
    identity = await wire.sign_in(provider)
    assert isinstance(identity, Identity), identity
    wire.asked.clear()
    wire.forms.clear()
    wire.headers.clear()
    return provider, identity


def failed(outcome: Recheck) -> ProviderFailure:
    """The failure of a recheck."""
    assert outcome.failure is not None
    return outcome.failure


async def test_without_the_opt_in_nothing_is_asked_for_and_a_refresh_token_is_ignored(system: System) -> None:
    wire = Wire(system, tokens={"refresh_token": "r-1"})
    provider = wire.provider()
    departure = await provider.begin(ASK)
    assert isinstance(departure, UpstreamRedirect)
    assert "offline_access" not in departure.url
    identity = await wire.sign_in(provider)
    assert isinstance(identity, Identity)
    assert (identity.grant, provider.recheck_after) == (None, None)


async def test_the_scopes_of_a_refresh_token_are_requested_once(system: System) -> None:
    wire = Wire(system)
    provider = wire.provider(**REFRESH, scopes=("openid", "offline_access"))
    departure = await provider.begin(ASK)
    assert isinstance(departure, UpstreamRedirect)
    assert "scope=openid%20offline_access&" in departure.url
    assert provider.recheck_after == 600


async def test_a_recheck_redeems_the_token_and_keeps_the_next_one_and_what_the_citizen_proved(
    system: System, clock: FakeClock
) -> None:
    wire = Wire(system)
    provider, identity = await signed_in(wire)
    assert identity.grant is not None
    assert identity.grant.checked == clock.now()
    assert "r-1" not in repr(identity)
    clock.advance(3600)
    wire.tokens = {"refresh_token": "r-2"}
    wire.claims = {"auth_time": identity.auth_time, "nonce": None, "acr": None}
    outcome = await provider.recheck(identity)
    assert outcome.failure is None
    assert (wire.asked, wire.headers[-1]["Authorization"]) == (["/token", "/userinfo"], f"Bearer {ACCESS}")
    sent = {name: value for name, value in wire.forms[0].items() if not name.startswith("client")}
    assert sent == {"grant_type": "refresh_token", "refresh_token": "r-1"}
    assert token_of(outcome.identity) == "r-2"
    assert (outcome.identity.claims, outcome.identity.level, outcome.identity.auth_time) == (
        identity.claims,
        identity.level,
        identity.auth_time,
    )
    wire.tokens = {}
    again = await provider.recheck(outcome.identity)
    assert (again.failure, token_of(again.identity), wire.forms[-1]["refresh_token"]) == (None, "r-2", "r-2")


KEPT: Mapping[str, Mapping[str, Any]] = {
    "the same nonce": {"claims": {}},
    "no nonce and no time": {"claims": {"nonce": None, "auth_time": None}},
    "no ID token, since userinfo names the person": {"tokens": {"id_token": None}},
}


@pytest.mark.parametrize("change", KEPT.values(), ids=KEPT.keys())
async def test_what_the_standard_leaves_open_is_confirmed(system: System, change: Mapping[str, Any]) -> None:
    wire = Wire(system)
    provider, identity = await signed_in(wire)
    for name, value in change.items():
        setattr(wire, name, value)
    assert (await provider.recheck(identity)).failure is None


SUBJECT = answer({**AMINA, "sub": "another"})
BAD: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "another subject": ({"claims": {"sub": "another"}}, "id_token_subject"),
    "no subject": ({"claims": {"sub": None}}, "id_token_subject"),
    "another issuer": ({"claims": {"iss": f"{ISSUER}/other"}}, "id_token_issuer"),
    "another audience": ({"claims": {"aud": "other"}}, "id_token_audience"),
    "a second audience": ({"claims": {"aud": ["portico", "other"]}}, "id_token_audience"),
    "another party": ({"claims": {"azp": "other"}}, "id_token_audience"),
    "another nonce": ({"claims": {"nonce": "another"}}, "id_token_nonce"),
    "an old token": ({"claims": {"iat": 1}}, "id_token_time"),
    "no time of issue": ({"claims": {"iat": None}}, "id_token_time"),
    "an expired token": ({"claims": {"exp": 1}}, "id_token_time"),
    "another time of the sign-in": ({"claims": {"auth_time": 1}}, "sign_in_time_wrong"),
    "another access token": ({"claims": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}}, "id_token_access_token"),
    "no signature": ({"header": {"alg": "none", "kid": None}}, "id_token_form"),
    "no access token": ({"tokens": {"access_token": None}}, "token_missing"),
    "an ID token that is no text": ({"tokens": {"id_token": 7}}, "token_missing"),
    "the sign-in has ended": ({"token": answer({"error": "invalid_grant"}, 400)}, "grant_gone"),
    "another error": ({"token": answer({"error": "unauthorized_client"}, 400)}, "token_error"),
}


@pytest.mark.parametrize(("change", "fault"), BAD.values(), ids=BAD.keys())
async def test_any_other_answer_ends_the_session_before_userinfo_and_is_no_outage(
    system: System, change: Mapping[str, Any], fault: str
) -> None:
    wire = Wire(system)
    provider, identity = await signed_in(wire)
    for name, value in change.items():
        setattr(wire, name, value)
    found = failed(await provider.recheck(identity))
    assert (found.fault, found.ends_session, found.outage) == (fault, True, False)
    assert "/userinfo" not in wire.asked


async def test_a_signature_of_another_key_confirms_nothing(system: System) -> None:
    wire = Wire(system)
    provider, identity = await signed_in(wire)
    wire.key = OTHER
    assert failed(await provider.recheck(identity)).fault in ("id_token_keys", "id_token_unproven")
    assert "/userinfo" not in wire.asked


@pytest.mark.parametrize(
    ("settings", "change", "fault"),
    [
        ({}, {"userinfo": SUBJECT}, "userinfo_subject"),
        ({}, {"userinfo": answer({"error": "invalid_token"}, 401)}, "userinfo_refused"),
        ({"refresh": RefreshConfig(userinfo=False)}, {"tokens": {"id_token": None}}, "token_missing"),
        ({"userinfo": False}, {"tokens": {"id_token": None}}, "token_missing"),
    ],
    ids=["userinfo of another person", "userinfo refuses", "userinfo is not asked", "there is no userinfo"],
)
async def test_somebody_has_to_name_the_person(
    system: System, settings: Mapping[str, Any], change: Mapping[str, Any], fault: str
) -> None:
    wire = Wire(system, tokens={"refresh_token": "r-1"})
    provider = wire.provider(**{**REFRESH, **settings, "required_claims": ()})
    identity = await wire.sign_in(provider)
    assert isinstance(identity, Identity)
    for name, value in change.items():
        setattr(wire, name, value)
    found = failed(await provider.recheck(identity))
    assert (found.fault, found.ends_session) == (fault, True)


NO_ANSWER: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "no connection": ({"token": Unreachable("refused")}, "token_unreachable"),
    "a breakdown": ({"token": answer("broken", 500)}, "token_status"),
    "too many requests": ({"token": answer("slow", 429)}, "token_status"),
    "a rejected client": ({"token": answer({"error": "invalid_client"}, 401)}, "token_client"),
    "userinfo breaks down": ({"userinfo": answer("broken", 500)}, "userinfo_status"),
}


@pytest.mark.parametrize(("change", "fault"), NO_ANSWER.values(), ids=NO_ANSWER.keys())
async def test_an_outage_ends_nothing_and_loses_no_token(system: System, change: Mapping[str, Any], fault: str) -> None:
    wire = Wire(system)
    provider, identity = await signed_in(wire)
    wire.tokens = {"refresh_token": "r-2"}
    for name, value in change.items():
        setattr(wire, name, value)
    outcome = await provider.recheck(identity)
    found = failed(outcome)
    assert (found.fault, found.ends_session, found.outage) == (fault, False, True)
    assert token_of(outcome.identity) == ("r-2" if "userinfo" in change else "r-1")


async def test_a_provider_that_does_not_answer_in_time_has_an_outage(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = Wire(system)
    provider, identity = await signed_in(wire)

    async def never(*_given: object, **_options: object) -> HttpResponse:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr("providers.openid.session_recheck.RECHECK_WITHIN", 0.01)
    monkeypatch.setattr(Wire, "post", never)
    found = failed(await provider.recheck(identity))
    assert (found.fault, found.ends_session, found.outage) == ("budget_spent", False, True)
    assert RECHECK_WITHIN < 10


@pytest.mark.parametrize("token", [None, "", 7, "x" * (LONGEST_REFRESH_TOKEN + 1)])
async def test_without_a_usable_refresh_token_the_sign_in_cannot_be_confirmed(system: System, token: object) -> None:
    wire = Wire(system, tokens={"refresh_token": token})
    provider, identity = await signed_in(wire)
    assert token_of(identity) is None
    found = failed(await provider.recheck(identity))
    assert (found.fault, found.ends_session, wire.asked) == ("grant_gone", False, [])


async def test_a_refresh_token_is_sent_to_no_other_issuer(system: System) -> None:
    wire = Wire(system)
    provider, identity = await signed_in(wire)
    found = failed(await provider.recheck(replace(identity, issuer="https://before.example")))
    assert (found.fault, found.ends_session, wire.asked) == ("grant_gone", False, [])


async def test_a_recheck_proves_possession_of_the_key_of_the_sign_in(system: System) -> None:
    wire = Wire(system)
    provider, identity = await signed_in(wire, dpop=DpopConfig())
    assert (await provider.recheck(identity)).failure is None
    assert [name in headers for headers in wire.headers for name in ("DPoP",)] == [True, True]
    assert identity.grant is not None
    assert "dpop" in identity.grant.note


async def test_the_id_token_of_the_logout_is_the_last_one(system: System) -> None:
    wire = Wire(system, metadata=answer({**METADATA, "end_session_endpoint": f"{ISSUER}/out"}))
    provider, identity = await signed_in(wire)
    wire.claims = {"jti": "the second"}
    outcome = await provider.recheck(identity)
    assert outcome.identity.id_token not in (None, identity.id_token)
    wire.tokens = {"id_token": None}
    assert (await provider.recheck(outcome.identity)).identity.id_token == outcome.identity.id_token


@pytest.mark.parametrize(
    "settings",
    [{}, {"end_session": False}, {"logout": LogoutConfig(LogoutKind.REVOKE)}],
    ids=["page", "none", "revoke"],
)
async def test_a_citizen_who_signs_out_has_the_refresh_token_revoked(
    system: System, settings: Mapping[str, Any]
) -> None:
    wire = Wire(system, metadata=answer({**METADATA, "revocation_endpoint": f"{ISSUER}/revoke"}))
    provider, identity = await signed_in(wire, **settings)
    wire.token = answer("", 200)
    parting = replace(PARTING, access_token=identity.access_token, grant=identity.grant)
    await provider.end_session(parting)
    assert wire.forms[0]["token"] == "r-1"
    assert wire.asked == ["/revoke"] * (2 if identity.access_token else 1)
