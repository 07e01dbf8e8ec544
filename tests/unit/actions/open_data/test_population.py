"""What a choice of ways and a person are worth: a population signs in by one way alone, and by all of them.

docs/fallback.md has the figures of this test.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.unit.actions.open_data.population import (
    APP,
    BROWSER,
    LEAVING,
    PEOPLE,
    PERSON,
    RATES,
    Outcome,
    people,
    sign_in,
)
from tests.unit.actions.page_world import World

pytestmark = [pytest.mark.store, pytest.mark.slow]

PAGE = Path(__file__).resolve().parents[4] / "docs" / "fallback.md"
SCENARIOS = {
    "browser alone": ((BROWSER,), False),
    "app alone": ((APP,), False),
    "browser, then app": ((BROWSER, APP), False),
    "browser, then app, then a person": ((BROWSER, APP, PERSON), False),
    "the same, if ways fail for the same people": ((BROWSER, APP, PERSON), True),
}


async def outcome(world: World, scenario: str) -> Outcome:
    """What the audit record says of a scenario."""
    ways, nested = SCENARIOS[scenario]
    return await sign_in(world, people(nested=nested), ways)


def documented() -> Mapping[str, tuple[int, ...]]:
    """The figures of the page by scenario: answered, by browser, by app, by a person."""
    rows = re.findall(r"^\| ([a-z, ]+) \| (\d+) % \| (\d+) \| (\d+) \| (\d+) \|$", PAGE.read_text(), re.MULTILINE)
    return {name: tuple(int(number) for number in numbers) for name, *numbers in rows}


def test_the_population_has_the_published_rates() -> None:
    for nested in (False, True):
        population = people(nested=nested)
        assert {way: sum(way in one.can_use for one in population) for way in RATES} == RATES
        assert sum(one.leaves_after == 1 for one in population) == LEAVING
    both = sum({BROWSER, APP} <= one.can_use for one in people(nested=False))
    assert abs(both - RATES[BROWSER] * RATES[APP] / 100) <= 3, "the ways are independent"


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_the_audit_record_of_a_population_says_what_the_page_says(w: World, scenario: str) -> None:
    found = await outcome(w, scenario)
    assert found.started == PEOPLE
    shown = documented()[scenario]
    by_way = tuple(found.by_way.get(way, 0) for way in (BROWSER, APP, PERSON))
    assert (found.answered, *by_way) == shown
    assert found.after_failure == found.answered - found.by_way.get(SCENARIOS[scenario][0][0], 0)


def test_choice_and_a_person_reach_more_than_any_way_alone() -> None:
    figures = documented()
    assert set(figures) == set(SCENARIOS)
    best = max(figures["browser alone"][0], figures["app alone"][0])
    assert figures["browser, then app"][0] > best
    assert figures["browser, then app, then a person"][0] > figures["browser, then app"][0]
    assert figures["the same, if ways fail for the same people"][0] > best
