"""Every fact is held against the preset and against the simulator, topic by topic."""

import pytest

from broker.model.identity import Identity
from broker.platform.system import System
from providers.presets import preset_environments, preset_names
from providers.presets.fact_files import facts
from providers.presets.topics import REMARKS, TOPICS
from tests.unit.providers.presets.exchange import exchange
from tests.unit.providers.presets.fact_checks import CHECKS

pytestmark = pytest.mark.exchange


@pytest.mark.parametrize("name", preset_names())
async def test_a_preset_and_the_simulator_agree_with_every_fact(system: System, name: str) -> None:
    here, wrong = exchange(name, system), []
    for fact in facts(name).facts:
        if fact.about in REMARKS:
            continue
        try:
            await CHECKS[fact.about](here, fact.value)
        except AssertionError as problem:
            wrong.append(f"{fact.about} = {fact.value}: {str(problem)[:1000]}")
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize("name", preset_names())
async def test_a_citizen_signs_in_in_every_environment(system: System, name: str) -> None:
    for environment in preset_environments(name):
        here = exchange(name, system, environment)
        identity = await here.sign_in(level=here.entry.card.max_level)
        assert isinstance(identity, Identity), identity
        assert identity.level is here.entry.card.max_level


def test_every_topic_has_a_check_or_is_a_remark() -> None:
    assert set(CHECKS) | REMARKS == set(TOPICS)
    assert set(CHECKS).isdisjoint(REMARKS)
