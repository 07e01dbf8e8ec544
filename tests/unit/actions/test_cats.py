"""Requirements of Sign-In Canada on a proxy between services and providers (CATS, ODP-PIP01 to ODP-PIP04)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from broker.actions.sign_in.context import ConfiguredProvider
from broker.journey.transaction import TransactionState
from broker.model.assurance import AcrLevels, Level
from broker.model.handle import sha256_hex
from broker.model.provider_policy import ProviderPolicy
from broker.oidc.acr import answered_acr
from broker.platform.system import System
from providers.openid.config_tables import ClaimSourceConfig, LevelAnswer, LevelComparison, LevelPlace, LevelRequest
from providers.simulator.national import Answer
from providers.simulator.national.claim_source import CLAIM, REGISTER
from providers.simulator.national.people import PEOPLE
from tests.support.services import make_service
from tests.unit.actions.assisted.case_harness import SERVICE, Stage
from tests.unit.actions.page_world import World
from tests.unit.actions.test_presets import there_and_back, world_with
from tests.unit.providers.presets.exchange import Exchange, exchange, rebuilt
from tests.unit.providers.presets.fact_checks.exchanged import id_token_of

pytestmark = pytest.mark.store

LOA = "urn:gc-ca:cyber-auth:assurance:loa"
VTM = "https://trust.example/gc"
ACR = AcrLevels({Level.LOW: "low", Level.SUBSTANTIAL: "medium", Level.HIGH: "high"})


def proxy(stage: Stage, **changes: Any) -> tuple[Exchange, World]:
    """A provider in the federation, and the broker between it and a service."""
    here = exchange("sign-in-canada", System(stage.clock.now, stage.lot.draw, stage.clock.tick))
    w = world_with(stage, here)
    if changes:
        provider = rebuilt(here, **changes)
        w.shelf.providers[here.entry.id] = ConfiguredProvider(provider, ProviderPolicy(), here.ask.callback)
    return here, w


async def signed_in(here: Exchange, w: World, answer: Answer | None = None, **asked: Any) -> Mapping[str, Any]:
    """What the service is told after a citizen signed in: the released identity's subject and level."""
    handle = await w.arrives(requested_claims=("name", "birthdate"), **asked)
    transaction = await there_and_back(w, here, handle, answer or Answer())
    assert transaction.state is TransactionState.IDENTIFIED, transaction.failures
    await w.agrees(handle)
    redirect = (await w.transaction(handle)).client_redirect
    assert redirect is not None
    code = parse_qs(urlsplit(redirect.url).query)["code"][0]
    stored = await w.stage.facts.grants.code(sha256_hex(code))
    assert stored is not None
    release = stored.code.release
    return {"sub": release.subject, "acr": answered_acr(release.level, {}, ACR), "claims": release.claims}


async def test_odp_pip01_the_subject_of_a_service_is_not_that_of_the_provider(stage: Stage) -> None:
    here, w = proxy(stage)
    first, second = await signed_in(here, w), await signed_in(here, w)
    assert first["sub"] == second["sub"]
    theirs = (await id_token_of(here))["sub"]
    assert first["sub"] != theirs
    w.shelf.services["library"] = make_service(
        client_id="library",
        names={"en": "Registry"},
        redirect_uris=SERVICE.redirect_uris,
        sector="registry.example",
        home="https://library.example/",
        claims=SERVICE.claim_purposes,
        level=Level.LOW,
    )
    assert (await signed_in(here, w))["sub"] not in (first["sub"], theirs)


@pytest.mark.parametrize(
    ("level", "acr"), [(Level.LOW, f"{LOA}1"), (Level.SUBSTANTIAL, f"{LOA}2"), (Level.HIGH, f"{LOA}3")]
)
async def test_odp_pip02_a_request_is_mapped_to_the_words_of_the_provider(stage: Stage, level: Level, acr: str) -> None:
    here, w = proxy(stage)
    await signed_in(here, w, min_level=level, ui_locales=("en-CA",))
    asked = here.simulated.script.asked("authorization")[-1]["parameters"]
    assert isinstance(asked, dict)
    assert asked["ui_locales"] == "en-CA"
    assert asked["acr_values"] == acr
    assert asked["scope"] == "openid profile email"


async def test_odp_pip02_a_level_is_requested_by_vtr_if_the_provider_expects_it(stage: Stage) -> None:
    request = LevelRequest(place=LevelPlace.VTR, values={Level.LOW: '["P1.Cc"]', Level.SUBSTANTIAL: '["P2.Cc"]'})
    here, w = proxy(stage, acr_values={}, level_request=request)
    handle = await w.arrives(min_level=Level.SUBSTANTIAL)
    await w.leaves(handle, here.entry.id)
    attempt = (await w.transaction(handle)).attempt
    assert attempt is not None
    query = parse_qs(urlsplit(attempt.url).query)
    assert query["vtr"] == ['["P2.Cc"]']
    assert "acr_values" not in query


@pytest.mark.parametrize(("level", "acr"), [(Level.LOW, "low"), (Level.SUBSTANTIAL, "medium"), (Level.HIGH, "high")])
async def test_odp_pip03_an_acr_is_mapped_to_the_words_of_the_services(stage: Stage, level: Level, acr: str) -> None:
    here, w = proxy(stage)
    assert (await signed_in(here, w, min_level=level))["acr"] == acr


async def test_odp_pip03_an_acr_is_generated_for_an_issuer_that_sends_none(stage: Stage) -> None:
    here, w = proxy(stage, acr_missing=Level.SUBSTANTIAL)
    told = await signed_in(here, w, Answer("missing_level"), min_level=Level.LOW)
    assert told["acr"] == "medium"


@pytest.mark.parametrize(("vot", "acr"), [("P2.Cc", "medium"), ("P1.Cc", "low")])
async def test_odp_pip03_a_vector_of_trust_is_mapped_to_an_acr(stage: Stage, vot: str, acr: str) -> None:
    answer = LevelAnswer(claim="vot", compare=LevelComparison.VECTOR, vtm=VTM)
    levels = {"P1": Level.LOW, "P2": Level.SUBSTANTIAL}
    here, w = proxy(stage, level_answer=answer, levels=levels)
    told = await signed_in(here, w, Answer(claims={"vot": vot, "vtm": VTM}), min_level=Level.LOW)
    assert told["acr"] == acr


TABLE = ClaimSourceConfig(f"{REGISTER}/jwks", (CLAIM,), ("register.example",))
MAPPED = {"name": "name", "birthdate": CLAIM}


@pytest.mark.parametrize("outcome", ["aggregated_claims", "distributed_claims"])
async def test_odp_pip04_a_claim_of_another_party_reaches_the_service_with_its_proof_checked(
    stage: Stage, outcome: str
) -> None:
    here, w = proxy(stage, claim_sources={REGISTER: TABLE}, claim_map=MAPPED)
    told = await signed_in(here, w, Answer(outcome))
    assert told["claims"]["birthdate"] == PEOPLE[0].birthdate
    called = [call.headers for call in here.wire.called(f"{REGISTER}/person")]
    assert called == ([] if outcome == "aggregated_claims" else [{"Authorization": "Bearer amina"}])


@pytest.mark.parametrize(
    ("outcome", "table", "failure"),
    [
        ("false_source", TABLE, "unsafe_reply"),
        ("aggregated_claims", replace(TABLE, claims=("address",)), "incomplete_reply"),
        ("distributed_claims", replace(TABLE, hosts=("claims.register.example",)), "incomplete_reply"),
    ],
)
async def test_odp_pip04_a_claim_that_is_not_permitted_or_not_proven_ends_the_sign_in(
    stage: Stage, outcome: str, table: ClaimSourceConfig, failure: str
) -> None:
    here, w = proxy(stage, claim_sources={REGISTER: table}, claim_map=MAPPED)
    handle = await w.arrives()
    transaction = await there_and_back(w, here, handle, Answer(outcome))
    assert transaction.state is TransactionState.FAILED
    [event] = [event for event in await stage.audit() if event.kind == "attempt_failed"]
    assert event.details["failure"] == failure
    assert not here.wire.called(f"{REGISTER}/person")
