"""Departures to a provider: its rate, and the place of a citizen in line."""

import pytest

from broker.journey.departures import RECOVERY_STEP, departure_rate, position, reload_after
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
    assert [reload_after(QueuePlace("alpha", NOW, NOW + wait, 1.0), NOW) for wait in (0, 12.3, 500)] == [5, 13, 30]
