"""Disruptions begin and end by what persists, a gap in the record is one of the broker, availability counts them."""

from collections.abc import Mapping

import pytest

from broker.model.disruption import BROKER, GAP, PERSISTS, Condition, Disruption, DisruptionKind, availability, changes

NOW = 1_800_000_000.0
OUTAGE, PAUSED = DisruptionKind.OUTAGE, DisruptionKind.PAUSED
DOWN = Disruption("bank", OUTAGE, NOW - 600)


@pytest.mark.parametrize(
    ("lasting", "conditions", "expected"),
    [
        # an outage that persists begins when the provider was last seen to work
        ([], {"bank": Condition(OUTAGE, NOW - PERSISTS)}, [Disruption("bank", OUTAGE, NOW - PERSISTS)]),
        ([], {"bank": Condition(OUTAGE, NOW - PERSISTS + 1)}, []),
        ([], {"bank": Condition(PAUSED)}, [Disruption("bank", PAUSED, NOW)]),
        ([], {"bank": Condition()}, []),
        ([DOWN], {"bank": Condition(OUTAGE, NOW - 500)}, []),
        ([DOWN], {"bank": Condition()}, [Disruption("bank", OUTAGE, NOW - 600, NOW)]),
        # a process that has just started knows nothing
        ([DOWN], {"bank": Condition(known=False)}, []),
        (
            [Disruption("bank", PAUSED, NOW - 9)],
            {"bank": Condition(known=False)},
            [Disruption("bank", PAUSED, NOW - 9, NOW)],
        ),
        (
            [DOWN],
            {"bank": Condition(PAUSED, NOW - 100)},
            [Disruption("bank", OUTAGE, NOW - 600, NOW - 100), Disruption("bank", PAUSED, NOW - 100)],
        ),
        # a provider that was removed
        ([DOWN], {}, [Disruption("bank", OUTAGE, NOW - 600, NOW)]),
    ],
)
def test_disruptions_begin_and_end(
    lasting: list[Disruption], conditions: Mapping[str, Condition], expected: list[Disruption]
) -> None:
    assert list(changes(lasting, conditions, NOW - 30, NOW)) == expected


@pytest.mark.parametrize(("last", "recorded"), [(None, False), (NOW - GAP, False), (NOW - GAP - 1, True)])
def test_a_gap_between_two_records_is_an_disruption_of_the_broker(last: float | None, recorded: bool) -> None:  # noqa: FBT001
    found = changes([], {}, last, NOW)
    assert list(found) == ([Disruption(BROKER, OUTAGE, last or 0.0, NOW)] if recorded else [])


def test_availability_counts_what_lies_in_the_recorded_time() -> None:
    day = 86_400.0
    disruptions = [Disruption("bank", OUTAGE, NOW - day, NOW - day / 2), Disruption("post", OUTAGE, NOW - day)]
    assert availability(disruptions, "bank", NOW - 5 * day, NOW) == pytest.approx(0.9)
    assert availability(disruptions, "bank", NOW - day / 2, NOW) == 1.0
    assert availability(disruptions, "post", NOW - 2 * day, NOW) == pytest.approx(0.5)
    assert availability(
        [Disruption("bank", OUTAGE, NOW - 200 * day, NOW - 45 * day)], "bank", 0.0, NOW
    ) == pytest.approx(0.5)
    assert availability([], "bank", NOW, NOW) == 1.0
