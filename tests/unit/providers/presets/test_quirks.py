"""Quirks of single presets that no fact about one topic holds: what a sector, a hint or a return code leads to."""

import json
from urllib.parse import urlsplit

import pytest

from broker.model.assurance import Level
from broker.model.identity import Identity
from broker.platform.system import System
from broker.provider import ProviderFailure, ProviderFailureReason
from providers.openid.claim_paths import compile_path
from providers.simulator.national import PEOPLE, Answer
from tests.unit.providers.presets.exchange import exchange, send

WEB_APPLICATION_FIREWALL = 4_096
"""Characters of a query that /authorize of GOV.UK One Login accepts."""

RETURN_CODE = "https://vocab.account.gov.uk/v1/returnCode"


async def test_an_identity_that_one_login_did_not_prove_comes_with_return_codes(system: System) -> None:
    here = exchange("gov-uk-one-login", system)
    failure = await here.sign_in(Answer("identity_missing"), level=Level.SUBSTANTIAL)
    assert isinstance(failure, ProviderFailure)
    assert (failure.reason, failure.fault) == (ProviderFailureReason.NOT_VERIFIED, "identity_missing")
    assert RETURN_CODE in json.loads(here.asked()["claims"])["userinfo"]
    call = here.wire.called("https://oidc.account.gov.uk/userinfo")[-1]
    assert json.loads((await send(here.wire.app, call)).body)[RETURN_CODE] == [{"code": "B"}, {"code": "C"}]


async def test_a_lost_session_at_one_login_is_not_taken_for_an_identity_that_was_not_proven(system: System) -> None:
    failure = await exchange("gov-uk-one-login", system).sign_in(Answer(error="access_denied"))
    assert isinstance(failure, ProviderFailure)
    assert failure.reason is ProviderFailureReason.CANCELLED


@pytest.mark.parametrize("sector", ["s00000001:999999990", "999999990", "", None])
async def test_a_number_of_another_sector_at_digid_ends_the_sign_in(system: System, sector: str | None) -> None:
    here = exchange("signicat-digid", system)
    assert isinstance(await here.sign_in(), Identity)
    failure = await here.sign_in(Answer(claims={"idp_id": sector} if sector is not None else {"idp_id": 7}))
    assert isinstance(failure, ProviderFailure)
    assert (failure.reason, failure.fault) == (ProviderFailureReason.NOT_VERIFIED, "claim_not_allowed")


@pytest.mark.parametrize(("level", "hint"), [(Level.SUBSTANTIAL, "BIS"), (Level.HIGH, "BID")])
async def test_norwegian_bankid_is_asked_for_biometrics_by_hint(system: System, level: Level, hint: str) -> None:
    here = exchange("bankid-no", system)
    assert isinstance(await here.sign_in(level=level), Identity)
    assert here.asked()["login_hint"] == hint
    assert "acr_values" not in here.asked()


async def test_a_document_that_interac_refuses_is_not_a_citizen_who_went_back(system: System) -> None:
    here = exchange("interac", system)
    for description, reason in (
        ("User cancelled", ProviderFailureReason.CANCELLED),
        ("Document rejected", ProviderFailureReason.NOT_VERIFIED),
    ):
        failure = await here.sign_in(Answer(error="access_denied", description=description))
        assert isinstance(failure, ProviderFailure)
        assert failure.reason is reason


async def test_one_login_has_the_citizen_of_a_session_authenticate_again(system: System) -> None:
    here = exchange("gov-uk-one-login", system)
    identity = await here.sign_in(level=Level.SUBSTANTIAL)
    assert isinstance(identity, Identity)
    again = await here.sign_in(level=Level.SUBSTANTIAL, fresh=True, id_token_hint=identity.id_token)
    assert isinstance(again, Identity)
    assert again.subject == identity.subject
    assert len(urlsplit(here.visited[-1]).query) < WEB_APPLICATION_FIREWALL
    other = Answer(person=PEOPLE[1])
    failure = await here.sign_in(other, level=Level.SUBSTANTIAL, fresh=True, id_token_hint=identity.id_token)
    assert isinstance(failure, ProviderFailure)
    assert (failure.reason, failure.ends_session) == (ProviderFailureReason.NOT_RECOGNISED, True)


def test_a_name_in_parts_is_a_name_at_signicat(system: System) -> None:
    read = compile_path(exchange("signicat-sbid", system).entry.config.claim_map["name"])
    assert read({"given_name": "Sven", "family_name": "Svensson"}, 0) == "Sven Svensson"
    assert read({"name": "Sven Svensson", "given_name": "S."}, 0) == "Sven Svensson"


def test_a_protected_person_needs_no_name_for_mitid(system: System) -> None:
    assert exchange("signicat-mitid", system).entry.config.required_claims == ("birthdate",)


async def test_the_best_of_several_methods_counts_at_esignet(system: System) -> None:
    here = exchange("esignet", system)
    both = {"acr": "mosip:idp:acr:static-code mosip:idp:acr:biometrics"}
    identity = await here.sign_in(Answer(claims=both), level=Level.HIGH)
    assert isinstance(identity, Identity), identity
    assert identity.level is Level.HIGH


async def test_a_login_required_without_a_session_ends_none(system: System) -> None:
    here = exchange("gov-uk-one-login", system)
    failure = await here.sign_in(Answer(error="login_required"), fresh=True)
    assert isinstance(failure, ProviderFailure)
    assert not failure.ends_session
    assert "prompt" not in here.asked()
