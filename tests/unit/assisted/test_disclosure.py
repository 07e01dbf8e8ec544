"""Statistical disclosure control: a reader of open data cannot compute a count that was left out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import product

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from broker.assisted.disclosure import PublishedLine, publish, publish_part
from broker.assisted.measures import TIMED, Line, Measure
from broker.model.disclosure import SMALLEST, STEP, rounded

M = Measure
ENOUGH = 4
"""Least number of values that each count left out must have for a reader who knows all of the rules."""

Counts = Mapping[tuple[Measure, str], int]
Published = Mapping[tuple[Measure, str], int | None]


def lines(counts: Counts, channel: str = "video") -> list[Line]:
    """The lines of one month, channel and language."""
    return [
        Line("2026-12", measure, detail, channel, "en", count, *((60, 900) if measure is M.DECISION_TIME else ()))
        for (measure, detail), count in counts.items()
        if count
    ]


def month(people: Mapping[str, int], agreed: int, disagreed: int) -> Counts:
    """The counts of a month by its independent parts: how many were approved after one session and after several, were
    declined by reason, were held, missed and so on. Everything else follows from them.
    """
    declined = {reason: people[reason] for reason in DECLINED}
    approved = people["yes"] + people["no"] + people["cleared"]
    decided = approved + sum(declined.values()) + people["more"]
    return {
        (M.FIRST_TIME_RIGHT, "yes"): people["yes"],
        (M.FIRST_TIME_RIGHT, "no"): people["no"] + people["cleared"],
        (M.OUTCOMES, "approved"): people["yes"] + people["no"],
        (M.OUTCOMES, "approved cleared"): people["cleared"],
        **{(M.OUTCOMES, reason): number for reason, number in declined.items()},
        (M.OUTCOMES, "more_evidence documents_missing"): people["more"],
        (M.OUTCOMES, "held fraud_signals"): people["held"],
        (M.OUTCOMES, "expired"): people["late"] + people["undecided"] + people["gone"],
        (M.MISSED_DEADLINES, "contact"): people["late"],
        (M.MISSED_DEADLINES, "decision"): people["undecided"],
        (M.DECISION_TIME, ""): decided,
        (M.SESSION_TIME, ""): decided + people["held"],
        (M.CONTACT_WAIT, ""): decided + people["held"],
        (M.REVIEWS, "agrees"): min(agreed, decided),
        (M.REVIEWS, "disagrees"): min(disagreed, people["held"]),
    }


DECLINED = ("declined details_differ", "declined coached")
PARTS = ("yes", "no", "cleared", *DECLINED, "more", "held", "late", "undecided", "gone")
NONE = dict.fromkeys(PARTS, 0)
FEW, COACHED = (M.FIRST_TIME_RIGHT, "no"), (M.OUTCOMES, "declined coached")
ALL = 1000
"""More reviews than decisions: each of them."""
LATE = (M.MISSED_DEADLINES, "contact")


def shown(counts: Counts) -> Published:
    """What a reader sees of a month."""
    return {(line.measure, line.detail): line.count for line in publish(lines(counts))}


def key(published: Published) -> tuple[object, ...]:
    """What a reader sees, to be compared."""
    return tuple(sorted((measure.value, detail, count or 0) for (measure, detail), count in published.items()))


def test_every_possible_month_is_searched_for_one_that_tells_a_count_that_was_left_out() -> None:
    """All months with so many people are grouped by what is published of them: the counts that were left out must be
    able to have several values within each group. This solves the published equations, and the rules that leave out.
    """
    possible: defaultdict[tuple[object, ...], tuple[set[int], set[int]]] = defaultdict(lambda: (set(), set()))
    left_out = set()
    for yes, no, declined in product(range(5, 24), range(13), range(13)):
        people = NONE | {"yes": yes, "no": no, "declined coached": declined}
        decided = yes + no + declined
        for agreed in {0, decided} | {number for number in (10, 15, 20) if number < decided}:
            published = shown(month(people, agreed, 0))
            seen = key(published)
            for values, part, number in zip(possible[seen], (FEW, COACHED), (no, declined), strict=True):
                values.add(number)
                if part not in published and 0 < number < SMALLEST and 8 < yes < 20:
                    left_out.add((seen, part))
    assert len(left_out) > 10
    for seen, part in left_out:
        assert len(possible[seen][part is COACHED]) >= ENOUGH, (seen, part, possible[seen])


def neighbours(people: Mapping[str, int], part: str) -> Iterable[Mapping[str, int]]:
    """Months that differ in one part, and by a few in one other."""
    for value in range(25):
        yield {**people, part: value}
    for value, other, change in product(range(25), PARTS, (-3, -2, -1, 1, 2, 3)):
        if other != part and people[other] + change >= 0:
            yield {**people, other: people[other] + change, part: value}


@settings(max_examples=30, phases=(Phase.explicit, Phase.generate))
@given(
    st.fixed_dictionaries({part: st.integers(0, 28) for part in PARTS}),
    st.integers(0, 60),
    st.integers(0, 28),
    st.sampled_from(PARTS),
)
def test_a_small_part_of_a_month_could_have_been_another_one(
    people: Mapping[str, int], agreed: int, disagreed: int, part: str
) -> None:
    assume(0 < people[part] < SMALLEST)
    counts, values = month(people, agreed, disagreed), set()
    seen, exact = shown(counts), (counts[M.REVIEWS, "agrees"], counts[M.REVIEWS, "disagrees"])
    for other in neighbours(people, part):
        for reviews in (exact, (ALL, exact[1]), (exact[0], ALL)):
            if other[part] not in values and shown(month(other, *reviews)) == seen:
                values.add(other[part])
        if len(values) >= ENOUGH:
            break
    assert len(values) >= ENOUGH, (values, seen)


@given(st.fixed_dictionaries({part: st.integers(0, 40) for part in PARTS}), st.integers(0, 60))
def test_no_small_count_is_published_and_no_exact_one(people: Mapping[str, int], agreed: int) -> None:
    counts = month(people, agreed, 9)
    published = shown(counts)
    assert all(count is None or (count >= SMALLEST and count % STEP == 0) for count in published.values())
    assert {published.get((measure, "")) for measure in TIMED} == {None}


def described(published: Sequence[PublishedLine]) -> list[tuple[str, str, int | None]]:
    """Measure, detail and count of each line."""
    return [(line.measure.value, line.detail, line.count) for line in published]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        # a duration has no count: 18 decisions of two kinds, none published, would be nine of each
        (
            {(M.DECISION_TIME, ""): 18, (M.OUTCOMES, "approved"): 9, COACHED: 9},
            ["decision_time"],
        ),
        # 47 approvals less 38 that needed one session would be nine
        ({(M.FIRST_TIME_RIGHT, "yes"): 38, FEW: 9, (M.OUTCOMES, "approved"): 47}, ["outcomes"]),
        # eleven expired, ten of them before they were contacted
        (
            {LATE: 10, (M.MISSED_DEADLINES, "decision"): 1, (M.OUTCOMES, "expired"): 11},
            ["outcomes"],
        ),
        # 18 agreed with, and none published with whom they could have
        ({(M.REVIEWS, "agrees"): 18, (M.OUTCOMES, "approved"): 9, COACHED: 9}, []),
        ({(M.REDRESS, "declined"): 12, COACHED: 9, (M.OUTCOMES, "declined details_differ"): 9}, []),
        ({(M.REVIEWS, "agrees"): 18, (M.OUTCOMES, "approved"): 21}, ["outcomes", "reviews"]),
    ],
)
def test_what_would_tell_a_small_count_is_left_out(counts: Counts, expected: list[str]) -> None:
    assert sorted(line.measure.value for line in publish(lines(counts))) == expected


def test_approvals_are_one_line_and_groups_do_not_touch_each_other() -> None:
    both = [
        *lines({(M.OUTCOMES, "approved"): 15, (M.OUTCOMES, "approved cleared"): 4}),
        *lines({(M.REVIEWS, "agrees"): 12}, channel="phone"),
    ]
    assert described(publish(both)) == [("outcomes", "approved", rounded(19))]


@pytest.mark.parametrize(
    ("every", "part", "published"),
    [
        (9, 9, (None, None)),
        (10, 0, (10, None)),
        (10, 10, (10, None)),
        (19, 9, (20, None)),
        (19, 10, (20, None)),
        (20, 10, (20, 10)),
        (43, 12, (45, 10)),
    ],
)
def test_a_part_is_published_only_if_neither_it_nor_the_rest_is_small(
    every: int, part: int, published: tuple[int | None, int | None]
) -> None:
    assert publish_part(every, part) == published
