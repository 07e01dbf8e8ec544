"""Counters of partner desks in the order of a place that a citizen types: a town, or the start of a postcode."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.assisted.counters import by_place
from broker.model.own_rights import DeskLocation

ALL = [
    DeskLocation("quay", areas=("Ardle", "AR1")),
    DeskLocation("hill", areas=("Llanfair-ym-Muallt", "Builth Wells", "AR10", "AR11")),
    DeskLocation("mitte", areas=("Berlin", "101", "10115")),
    DeskLocation("nowhere"),
]


@pytest.mark.parametrize(
    ("said", "first", "named"),
    [
        ("AR1", "quay", 2),
        ("ar1 2bc", "quay", 1),
        ("AR12BC", "quay", 1),
        ("AR10 2BC", "hill", 1),
        ("ar102bc", "hill", 1),
        ("AR1 0AB", "quay", 1),
        ("ardle", "quay", 1),
        ("Llanfair ym muallt", "hill", 1),
        ("LLANFAIR", "hill", 1),
        ("builth", "hill", 1),
        ("10115", "mitte", 1),
        ("10178", "mitte", 1),
        ("Bérlin", "mitte", 1),
        ("London", "quay", 0),
        ("AR2", "quay", 0),
        ("a", "quay", 0),
        ("", "quay", 0),
        ("   ", "quay", 0),
        ("; DROP TABLE", "quay", 0),
    ],
)
def test_counters_that_name_the_place_come_first(said: str, first: str, named: int) -> None:
    ordered, found = by_place(ALL, said)
    assert (ordered[0].id, found) == (first, named)


@given(st.text(max_size=80))
def test_every_counter_stays_in_the_list_and_those_that_do_not_fit_keep_their_order(said: str) -> None:
    ordered, named = by_place(ALL, said)
    assert sorted(one.id for one in ordered) == sorted(one.id for one in ALL)
    assert ordered[named:] == [one for one in ALL if one in ordered[named:]]
