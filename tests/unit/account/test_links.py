"""Rules of links: how fresh and how strong the proof of an account must be, and which identities are not linked."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.account.links import CLOCK_SKEW, LinkRefusal, is_last, refuse_change, refuse_link, strongest
from broker.model.account import LinkedWay
from broker.model.assurance import Level
from broker.model.identity import Identity

NOW = 1_800_000_000.0
FRESH_FOR = 600

FIRST = Identity(
    "bank", "https://bank.example", "ann", Level.SUBSTANTIAL, (), int(NOW) - 60, {"birthdate": "1970-01-01"}
)
SECOND = Identity("post", "https://post.example", "17", Level.LOW, (), int(NOW) + 30, {"birthdate": "1970-01-01"})
levels = st.sampled_from(Level)


def way(key: str = "way-1", level: Level | None = Level.SUBSTANTIAL) -> LinkedWay:
    """A way of the account."""
    return LinkedWay(key, "https://bank.example", "bank", level, NOW - 86_400)


def born(identity: Identity, date: str) -> Identity:
    """The identity with another date of birth; without one if it is empty."""
    return replace(identity, claims={"birthdate": date} if date else {})


def test_two_fresh_proofs_of_one_person_are_linked_at_any_level_of_the_second() -> None:
    for level in Level:
        assert refuse_link(FIRST, replace(SECOND, level=level), [way()], NOW, FRESH_FOR) is None


@pytest.mark.parametrize(("age", "fresh"), [(0, True), (600, True), (600 + CLOCK_SKEW, True), (661, False)])
def test_a_proof_is_fresh_for_the_configured_time_and_the_tolerated_clock_skew(age: int, *, fresh: bool) -> None:
    refusal = refuse_change(replace(FIRST, auth_time=int(NOW) - age), [way()], NOW, FRESH_FOR)
    assert refusal is (None if fresh else LinkRefusal.NOT_FRESH)


@given(levels, st.lists(st.one_of(st.none(), levels), min_size=1))
def test_a_proof_weaker_than_what_one_way_reached_before_changes_nothing(
    level: Level, reached: list[Level | None]
) -> None:
    ways = [way(f"way-{number}", before) for number, before in enumerate(reached)]
    allowed = refuse_change(replace(FIRST, level=level), ways, NOW, FRESH_FOR) is None
    assert allowed == all(before is None or before <= level for before in reached)
    assert strongest(ways) == max((before for before in reached if before), default=Level.LOW)


def test_an_identity_is_not_linked_to_itself() -> None:
    assert refuse_link(FIRST, replace(FIRST, provider="other"), [way()], NOW, FRESH_FOR) is LinkRefusal.SAME_WAY
    same_subject = replace(SECOND, subject=FIRST.subject)
    assert refuse_link(FIRST, same_subject, [way()], NOW, FRESH_FOR) is None


@pytest.mark.parametrize(
    ("one", "other", "refused"),
    [
        ("1970-01-01", "1970-01-02", True),
        ("1970-01-01", "1970-01-01", False),
        ("1970-01-01", "", False),
        ("", "", False),
        ("1970-01-01", "1970-00-00", False),
        ("1970-01-01", "1971-00-00", False),
        ("1970-01-01", "1970", False),
    ],
)
def test_different_full_dates_of_birth_are_two_people_and_partial_ones_are_not(
    one: str, other: str, *, refused: bool
) -> None:
    refusal = refuse_link(born(FIRST, one), born(SECOND, other), [way()], NOW, FRESH_FOR)
    assert refusal is (LinkRefusal.ANOTHER_PERSON if refused else None)


def test_a_stale_proof_is_refused_before_the_second_identity_is_looked_at() -> None:
    stale = born(replace(FIRST, auth_time=0), "1980-02-03")
    assert refuse_link(stale, SECOND, [way()], NOW, FRESH_FOR) is LinkRefusal.NOT_FRESH


def test_the_last_way_is_the_only_one() -> None:
    assert is_last([way()], "way-1")
    assert not is_last([way(), way("way-2")], "way-1")
    assert not is_last([way()], "way-2")
    assert not is_last([], "way-1")
