"""Every test person at every preset: one name, no day of birth, long names, acting for another, and others."""

import pytest

from broker.model.identity import Identity
from broker.platform.system import System
from broker.provider import ProviderFailure, ProviderFailureReason
from providers.presets import preset_names
from providers.simulator.national import PEOPLE, Answer
from tests.unit.providers.presets.exchange import exchange, lowest

pytestmark = pytest.mark.exchange


@pytest.mark.parametrize("name", preset_names())
async def test_every_person_signs_in_or_is_told_the_true_reason(system: System, name: str) -> None:
    here, subjects = exchange(name, system), set()
    acts, config = bool(here.simulated.dialect.words("acting")), here.entry.config
    for person in PEOPLE:
        outcome = await here.sign_in(Answer(person=person))
        if person.for_entity and acts and config.acting.id is None:
            assert isinstance(outcome, ProviderFailure), person.id
            assert outcome.reason in (ProviderFailureReason.UNSAFE, ProviderFailureReason.NOT_VERIFIED), person.id
            continue
        if isinstance(outcome, ProviderFailure):
            assert outcome.reason is ProviderFailureReason.INCOMPLETE, (person.id, outcome)
            assert person.birthdate == "" or person.given == "", (person.id, outcome)
            assert set(config.required_claims) & {"birthdate", "given_name"}, (person.id, outcome)
            continue
        assert isinstance(outcome, Identity)
        subjects.add(outcome.subject)
        known = here.simulated.dialect.table("claims").keys() & config.claim_map.keys()
        if "family_name" in known:
            assert outcome.claims["family_name"] == person.family
        if "name" in known and "name" in outcome.claims:
            assert outcome.claims["name"] == person.name
        if person.given and "given_name" in known:
            assert outcome.claims["given_name"] == person.given
        if "birthdate" in known and person.birthdate:
            assert str(outcome.claims["birthdate"])[:4] == person.birthdate[:4]
        assert outcome.level <= max(person.highest, lowest(here.entry))
    assert len(subjects) >= len(PEOPLE) - 3


@pytest.mark.parametrize("name", preset_names())
async def test_a_person_has_the_same_subject_each_time(system: System, name: str) -> None:
    found = set()
    for _ in range(2):
        identity = await exchange(name, system).sign_in()
        assert isinstance(identity, Identity)
        found.add(identity.subject)
    assert len(found) == 1
