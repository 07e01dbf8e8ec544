"""Claims and identity of the kind `openid`: what is taken from claims of any shape, and what counts as verified."""

from typing import Any

import pytest
from hypothesis import given

from broker.model.assurance import EvidenceType, Level
from broker.model.identity import Identity
from providers.openid.documents import Documents
from providers.openid.identity import IdentityReader, claim_readers, map_claims, methods, verifiable
from tests.support.examples import JSON
from tests.unit.providers.stage import CARD, config
from tests.unit.providers.wire import ISSUER


def test_claims_come_under_our_names_and_only_those_that_are_mapped() -> None:
    given_claims = {"profile_attributes": {"given_name": "Amina"}, "dotted.name": "x", "email": "", "secret": "y"}
    claim_map = {"given_name": "profile_attributes.given_name", "nickname": "dotted.name", "email": "email"}
    assert map_claims(given_claims, claim_readers(claim_map), None, 0).claims == {
        "given_name": "Amina",
        "nickname": "x",
    }


@given(JSON)
def test_no_claim_of_any_shape_is_a_fault_nor_gets_in_unless_it_is_small_and_flat(value: Any) -> None:
    readers = claim_readers({"x": "a", "y": "b.c", "z": "b.c.d"})
    for found in map_claims({"a": value, "b": {"c": value}}, readers, None, 0).claims.values():
        assert isinstance(found, str | bool | int | float | dict | list)
        assert len(str(found)) < 25_000


@given(JSON)
def test_amr_of_any_shape_is_a_few_short_words_or_nothing(amr: Any) -> None:
    found = methods(amr)
    assert len(found) <= 10
    assert all(isinstance(word, str) and len(word) <= 64 for word in found)


def unheard(claim: str) -> None:
    raise AssertionError(f"{claim} is not malformed")


def identity(userinfo: dict[str, Any], **changes: Any) -> Identity:
    id_token = {"sub": "amina", "acr": "eid:high", "iat": 1_800_000_000, "amr": ["hwk"]}
    reader = IdentityReader(CARD, config(ISSUER, required_claims=(), **changes))
    return reader.make(Documents(id_token, userinfo), 1_800_000_005, unheard)


def test_an_identity_says_how_it_was_verified_and_which_claims_were() -> None:
    found = identity({"given_name": "Amina", "email": "a@mail.example"}, policy="card", procedure="chip")
    assert found.level is Level.HIGH
    assert found.claims == {"given_name": "Amina", "email": "a@mail.example"}
    assert found.verification is not None
    assert found.verification.trust_framework == "example_framework"
    assert found.verification.claims == ("given_name",)
    assert (found.verification.level, found.verification.time) == (Level.HIGH, 1_800_000_005)
    assert (found.verification.policy, found.verification.procedure) == ("card", "chip")
    (evidence,) = found.verification.evidence
    assert evidence.type is EvidenceType.ELECTRONIC_RECORD
    assert evidence.details["source"] == {"name": "National Card Office"}
    assert evidence.checks[0].organization == "National Card Office"


def test_nothing_is_said_to_be_verified_without_a_trust_framework_or_a_verified_claim() -> None:
    assert identity({"given_name": "Amina"}, trust_framework=None).verification is None
    assert identity({"email": "a@mail.example"}).verification is None


@pytest.mark.parametrize("changes", [{}, {"claim_map": {"given_name": "first", "email": "mail"}}])
def test_what_is_announced_of_a_provider_is_what_its_identities_say(changes: dict[str, Any]) -> None:
    announced = verifiable(config(ISSUER, **changes))
    given = {
        **dict.fromkeys((*config(ISSUER).claim_map, "first"), "x"),
        "birthdate": "1990",
        "email": "a@mail.example",
        "mail": "a@mail.example",
        "email_verified": True,
        "phone_number": "+447700900982",
        "phone_number_verified": True,
    }
    found = identity(given, **changes).verification
    assert announced is not None
    assert found is not None
    assert announced.frameworks == {found.trust_framework}
    assert announced.claims == set(found.claims)
    assert announced.kinds == {piece.type: {piece.details["type"]} for piece in found.evidence}
    assert announced.methods == {check.check_method for piece in found.evidence for check in piece.checks}


def test_nothing_is_announced_of_a_provider_that_verifies_nothing() -> None:
    assert verifiable(config(ISSUER, trust_framework=None)) is None
    assert verifiable(config(ISSUER, verified_claims=("salary",))) is None


def test_without_auth_time_the_sign_in_counts_from_when_the_token_was_issued() -> None:
    assert identity({}).auth_time == 1_800_000_000
