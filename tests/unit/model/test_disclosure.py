"""Disclosure control: a reader who knows totals and published parts exactly cannot compute a part that was left out."""

from collections import defaultdict
from collections.abc import Iterator

import pytest

from broker.model.disclosure import SMALLEST, STEP, Disclosed, disclose, rounded

Table = tuple[int, ...]
Seen = tuple[tuple[tuple[str, int], ...], int] | None


def tables(total: int, parts: int) -> Iterator[Table]:
    """Every table with so many parts of a total."""
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in tables(total - first, parts - 1):
            yield (first, *rest)


def seen(table: Table) -> Seen:
    """What a reader sees who knows published counts exactly."""
    found = disclose({str(number): count for number, count in enumerate(table)})
    return None if found is None else (tuple(sorted(found.parts.items())), found.rest)


@pytest.mark.parametrize(("parts", "most"), [(1, 60), (2, 60), (3, 48), (4, 32)])
def test_no_table_tells_a_part_that_was_left_out(parts: int, most: int) -> None:
    """Every table of each total is grouped by what is published of it. Within a group, a part that was left out and may
    be small must have at least STEP values: this is everything that a reader who knows all of the rules can conclude.
    """
    for total in range(SMALLEST, most + 1):
        groups: defaultdict[Seen, list[Table]] = defaultdict(list)
        for table in tables(total, parts):
            groups[seen(table)].append(table)
        for published, alike in groups.items():
            shown = set() if published is None else {int(name) for name, _ in published[0]}
            for part in set(range(parts)) - shown:
                values = {table[part] for table in alike}
                assert min(values) >= SMALLEST or len(values) >= STEP, (total, published, part, values)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"a": 40, "b": 12}, Disclosed({"a": 40, "b": 12})),
        # the rest would tell the only small part
        ({"a": 40, "b": 20, "c": 3}, Disclosed({"a": 40}, 23)),
        # two small parts of nine each would be known from their sum
        ({"a": 40, "b": 30, "c": 9, "d": 9}, Disclosed({"a": 40}, 48)),
        ({"a": 40, "b": 30, "c": 6, "d": 7}, Disclosed({"a": 40, "b": 30}, 13)),
        # nothing is shown beside a single small part
        ({"a": 40, "b": 3}, None),
        ({"a": 9}, None),
        ({}, Disclosed({})),
    ],
)
def test_the_smallest_parts_are_left_out_with_a_small_one(parts: dict[str, int], expected: Disclosed | None) -> None:
    assert disclose(parts) == expected


def test_counts_are_rounded_to_the_nearest_step() -> None:
    assert [rounded(count) for count in (10, 12, 13, 17, 18)] == [10, 10, 15, 15, 20]
