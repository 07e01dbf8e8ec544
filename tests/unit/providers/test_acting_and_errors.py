"""Acting for another, subjects and identifiers, a provider's own errors, and addresses without metadata."""

from dataclasses import replace
from typing import Any

import pytest

from broker.model.identity import ActingFor, Identity
from broker.normalize.identifiers import IdentifierForm
from broker.platform.system import System
from broker.provider import ProviderFailure, ProviderFailureReason
from providers.openid import check
from providers.openid.config_tables import ActingConfig, DocumentPlace, EndpointsConfig, NewSignIn
from tests.unit.providers.stage import config
from tests.unit.providers.wire import AMINA, IDENTITY_TABLE, ISSUER, Wire, answer

COMPANY = ActingConfig(
    signs=("act",), id="sub", name="sub_attributes.name", scope="mandates", kind="company", person="act.sub"
)
ACTS = {"act": {"sub": "person-1"}, "sub_attributes": {"name": "Bridge AB"}, "mandates": ["sign", 7, "pay"]}


async def test_the_identity_is_that_of_the_person_who_signed_in(system: System) -> None:
    wire = Wire(system, claims=ACTS)
    identity = await wire.sign_in(wire.provider(acting=COMPANY))
    assert isinstance(identity, Identity), identity
    assert identity.subject == "person-1"
    assert identity.act == ActingFor("company", "amina", "Bridge AB", ("sign", "7", "pay"))
    assert identity.claims["acting_for"] == {
        "kind": "company",
        "id": "amina",
        "name": "Bridge AB",
        "scope": "sign 7 pay",
    }


async def test_without_a_sign_nobody_acts_for_another(system: System) -> None:
    for absent in ({}, {"act": None}, {"act": {}}, {"act": False}, {"mandates": []}):
        wire = Wire(system, claims=absent)
        identity = await wire.sign_in(wire.provider(acting=COMPANY))
        assert isinstance(identity, Identity)
        assert (identity.subject, identity.act) == ("amina", None)


async def test_a_provider_cannot_say_it_by_a_claim_of_that_name(system: System) -> None:
    wire = Wire(system, claims={"acting_for": {"id": "forged"}})
    provider = wire.provider(acting=ActingConfig(signs=()), claim_map={"acting_for": "acting_for"}, required_claims=())
    identity = await wire.sign_in(provider)
    assert isinstance(identity, Identity)
    assert "acting_for" not in identity.claims


async def test_a_subject_and_identifiers_have_one_form(system: System) -> None:
    wire = Wire(system, claims={"uid": "{AB-12}", "cpf": "529.982.247-25", "nin": "12-34", "bad": "12"})
    provider = wire.provider(
        subject_claim="uid",
        subject_form=IdentifierForm.BRACES,
        claim_map={"given_name": "given_name", "cpf": "cpf", "nin": "nin", "bad": "bad"},
        identifiers={"cpf": IdentifierForm.CPF, "nin": IdentifierForm.DIGITS, "bad": IdentifierForm.CPF},
        required_claims=(),
    )
    identity = await wire.sign_in(provider)
    assert isinstance(identity, Identity)
    assert identity.subject == "ab-12"
    assert identity.claims == {"given_name": "Amina", "cpf": "52998224725", "nin": "1234"}
    wire.claims = {"uid": "{"}
    failure = await wire.sign_in(provider)
    assert isinstance(failure, ProviderFailure)
    assert failure.fault == "id_token_subject"


ERRORS = {
    "errors": {"access_denied": ProviderFailureReason.CANCELLED, "no quota left": ProviderFailureReason.BUSY},
    "error_descriptions": {
        "Session lost": ProviderFailureReason.UNAVAILABLE,
        "mitid_user_aborted": ProviderFailureReason.CANCELLED,
    },
}


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"error": "access_denied"}, ProviderFailureReason.CANCELLED),
        ({"error": "access_denied", "error_description": "session LOST: 7"}, ProviderFailureReason.UNAVAILABLE),
        ({"error": "server_error", "error_description": "mitid_user_aborted"}, ProviderFailureReason.CANCELLED),
        ({"error": "no quota left"}, ProviderFailureReason.BUSY),
        ({"error": "server_error", "error_description": "Amina Hughes"}, ProviderFailureReason.UNAVAILABLE),
    ],
)
async def test_a_description_says_what_a_code_does_not(
    system: System, parameters: dict[str, str], reason: ProviderFailureReason
) -> None:
    wire = Wire(system)
    failure = await wire.sign_in(wire.provider(**ERRORS), parameters)
    assert isinstance(failure, ProviderFailure)
    assert failure.reason is reason
    assert parameters.get("error_description", "-") not in failure.detail


@pytest.mark.parametrize("place", ["token", "par"])
async def test_descriptions_are_read_at_the_endpoints_too(system: System, place: str) -> None:
    error = answer({"error": "server_error", "error_description": "mitid_user_aborted by Amina"}, 400)
    wire = Wire(system, **{place: error})  # type: ignore[arg-type]
    failure = await wire.sign_in(wire.provider(pushed=True, **ERRORS))
    assert isinstance(failure, ProviderFailure)
    assert failure.reason is ProviderFailureReason.CANCELLED
    assert "Amina" not in failure.detail


EVERYWHERE = {"own_word": ProviderFailureReason.PAUSED, "own words": ProviderFailureReason.PAUSED}


@pytest.mark.parametrize(
    ("place", "fault"),
    [
        ({"parameters": {"error": "own_word"}}, "answer_error"),
        ({"parameters": {"error": "own words"}}, "answer_error"),
        ({"parameters": {"code": "own_word"}}, "answer_error"),
        ({"token": answer({"error": "own_word"}, 400)}, "token_error"),
        ({"par": answer({"error": "own words"}, 400)}, "par_refused"),
        ({"userinfo": answer({"error": "own_word"}, 403)}, "userinfo_refused"),
        (
            {"userinfo": replace(answer("", 401), headers={"www-authenticate": 'Bearer error="own_word"'})},
            "userinfo_refused",
        ),
        ({"userinfo": answer({**AMINA, "codes": ["own_word"]})}, "identity_missing"),
    ],
)
async def test_an_error_has_one_meaning_wherever_it_stands(system: System, place: dict[str, Any], fault: str) -> None:
    asked = place.get("parameters")
    wire = Wire(system, **{name: one for name, one in place.items() if name != "parameters"})
    proven = {"identity_token": IDENTITY_TABLE} if fault == "identity_missing" else {}
    provider = wire.provider(errors=EVERYWHERE, return_code_claim="codes", pushed="par" in place, **proven)
    failure = await wire.sign_in(provider, asked)
    assert isinstance(failure, ProviderFailure)
    assert (failure.fault, failure.reason) == (fault, ProviderFailureReason.PAUSED)
    assert failure.outage is False


@pytest.mark.parametrize(
    ("error", "fault", "outage"), [("invalid_client", "token_client", True), ("invalid_grant", "token_code", False)]
)
async def test_the_place_of_an_error_decides_whether_it_is_an_outage(
    system: System, error: str, fault: str, *, outage: bool
) -> None:
    wire = Wire(system, token=answer({"error": error}, 400))
    failure = await wire.sign_in(wire.provider(errors={error: ProviderFailureReason.BUSY}))
    assert isinstance(failure, ProviderFailure)
    assert (failure.fault, failure.reason, failure.outage) == (fault, ProviderFailureReason.BUSY, outage)


async def test_a_description_in_a_challenge_is_compared_and_not_logged(system: System) -> None:
    challenge = 'Bearer error="invalid_token", error_description="mitid_user_aborted by Amina"'
    wire = Wire(system, userinfo=replace(answer("", 401), headers={"www-authenticate": challenge}))
    failure = await wire.sign_in(wire.provider(**ERRORS))
    assert isinstance(failure, ProviderFailure)
    assert failure.reason is ProviderFailureReason.CANCELLED
    assert "Amina" not in failure.detail
    assert "invalid_token" in failure.detail


@pytest.mark.parametrize(
    ("codes", "reason"),
    [
        ([{"code": "X"}, {"code": "C"}], ProviderFailureReason.SUSPENDED),
        (["C"], ProviderFailureReason.SUSPENDED),
        ("C", ProviderFailureReason.SUSPENDED),
        ([{"code": "X"}], ProviderFailureReason.NOT_VERIFIED),
        (None, ProviderFailureReason.NOT_VERIFIED),
        ([[], 7, {}], ProviderFailureReason.NOT_VERIFIED),
    ],
)
async def test_a_return_code_says_why_no_identity_was_proven(
    system: System, codes: object, reason: ProviderFailureReason
) -> None:
    wire = Wire(system, userinfo=answer({**AMINA, "codes": codes}))
    provider = wire.provider(
        identity_token=IDENTITY_TABLE, return_code_claim="codes", errors={"C": ProviderFailureReason.SUSPENDED}
    )
    failure = await wire.sign_in(provider)
    assert isinstance(failure, ProviderFailure)
    assert (failure.fault, failure.reason) == ("identity_missing", reason)


async def test_the_time_of_the_authentication_may_stand_in_userinfo(system: System) -> None:
    now = int(system.now())
    wire = Wire(system, claims={"auth_time": None}, userinfo=answer({**AMINA, "auth_time": now - 5}))
    provider = wire.provider(auth_time_place=DocumentPlace.USERINFO)
    identity = await wire.sign_in(provider, fresh=True)
    assert isinstance(identity, Identity), identity
    assert identity.auth_time == now - 5
    for late, fault in (({"auth_time": now - 900}, "sign_in_too_old"), ({}, "sign_in_time_missing")):
        wire.userinfo = answer({**AMINA, **late})
        failure = await wire.sign_in(provider, fresh=True)
        assert isinstance(failure, ProviderFailure)
        assert failure.fault == fault


async def test_configured_addresses_take_the_place_of_metadata(system: System) -> None:
    known = EndpointsConfig(f"{ISSUER}/authorize", f"{ISSUER}/token", f"{ISSUER}/jwks", f"{ISSUER}/userinfo")
    wire = Wire(system)
    assert isinstance(await wire.sign_in(wire.provider(endpoints=known)), Identity)
    assert wire.asked == ["/token", "/jwks", "/userinfo"]
    other = Wire(system)
    assert isinstance(await other.sign_in(other.provider(discovery_url=f"{ISSUER}/other/metadata")), Identity)
    assert other.asked[0] == "/other/metadata"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"identifiers": {"x": IdentifierForm.CPF}}, "identifiers.x"),
        ({"acting": ActingConfig(id="a..b")}, "acting.id"),
        ({"acting": ActingConfig(signs=("a[",))}, "acting.signs[0]"),
        ({"return_code_claim": "["}, "return_code_claim"),
        ({"reauthentication": (NewSignIn.ID_TOKEN_HINT,), "end_session": False}, "reauthentication"),
        ({"endpoints": EndpointsConfig("https://a.example/", "http://a.example/", "x")}, "endpoints.token"),
        ({"discovery_url": "ftp://a.example"}, "discovery_url"),
    ],
)
def test_settings_that_cannot_work_are_reported(changes: dict[str, Any], path: str) -> None:
    assert path in {problem.path for problem in check(config(ISSUER, **changes), development=False)}
