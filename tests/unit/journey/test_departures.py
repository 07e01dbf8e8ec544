"""Departures to a provider: its rate, and the place of a citizen in line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.journey.departures import (
    RECOVERY_STEP,
    departure_rate,
    draw_fallback,
    fallback_weight,
    position,
    reload_after,
)
from broker.journey.transaction import QueuePlace
from broker.model.provider_policy import ProviderPolicy
from broker.provider import ProviderHealth
from tests.unit.journey.examples import NOW


@pytest.mark.parametrize(
    ("policy", "passed", "rate"),
    [
        (ProviderPolicy(), None, None),
        (ProviderPolicy(departures_per_second=20.0), None, 20.0),
        (ProviderPolicy(), 0, 1.0),
        (ProviderPolicy(), RECOVERY_STEP, 5.0),
        (ProviderPolicy(), 3 * RECOVERY_STEP, None),
        (ProviderPolicy(), -5, 1.0),
        (ProviderPolicy(recovery=()), 0, None),
        (ProviderPolicy(departures_per_second=3.0), RECOVERY_STEP, 3.0),
        (ProviderPolicy(departures_per_second=3.0), 0, 1.0),
    ],
)
def test_the_lowest_limit_holds(policy: ProviderPolicy, passed: float | None, rate: float | None) -> None:
    health = ProviderHealth(working=True, recovered=None if passed is None else NOW - passed)
    assert departure_rate(policy, health, NOW) == rate


def test_the_line_moves_on_with_the_time() -> None:
    place = QueuePlace("alpha", NOW, NOW + 10, 2.0)
    assert [position(place, NOW + passed) for passed in (0, 5, 9.9, 10, 20)] == [20, 10, 1, 1, 1]
    assert [reload_after(QueuePlace("alpha", NOW, NOW + wait, 1.0), NOW, 30) for wait in (0, 12.3, 500)] == [5, 13, 30]


def test_the_place_of_a_failing_provider_goes_to_the_others_by_their_shares() -> None:
    weights = {"alpha": 100, "beta": 300, "gamma": 0}
    drawn = [draw_fallback(seed, weights) for seed in range(2000)]
    assert 400 < drawn.count("alpha") < 600
    assert drawn.count("alpha") + drawn.count("beta") == 2000


@given(st.integers(0, 2**32), st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 1000)), st.integers(1, 1000))
def test_a_provider_more_or_less_moves_only_the_browsers_that_it_gains_or_loses(
    seed: int, weights: dict[str, int], weight: int
) -> None:
    before, after = draw_fallback(seed, weights), draw_fallback(seed, weights | {"new": weight})
    assert after in (before, "new")
    assert (before is None) == (not any(weights.values()))


@pytest.mark.parametrize(("passed", "weight"), [(None, 70), (0, 0), (89, 0), (90, 70)])
def test_a_provider_takes_no_other_ones_place_while_it_recovers_itself(passed: int | None, weight: int) -> None:
    health = ProviderHealth(working=True, recovered=None if passed is None else NOW - passed)
    assert fallback_weight(ProviderPolicy(fallback_share=70), health, NOW) == weight
