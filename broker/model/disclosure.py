"""Statistical disclosure control of published counts: which ones are left out, and how the others are rounded.

A count below `SMALLEST` is left out, the others are rounded to `STEP`. A reader who knows a total could compute what
was left out as the rest, so enough counts are left out that the rest tells none of them (complementary suppression).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

SMALLEST: Final = 10
"""Smallest count in open data. Greater ones are rounded to `STEP`."""
STEP: Final = 5
"""Counts are rounded to a multiple of it. Each count that is left out has at least so many possible values."""


def rounded(count: int) -> int:
    """The count as it is published."""
    return STEP * math.floor(count / STEP + 0.5)


def least(count: int) -> int:
    """What the count is at least, for a reader of the published one."""
    return max(SMALLEST, rounded(count) - STEP // 2)


@dataclass(frozen=True, slots=True)
class Disclosed:
    """The parts of a total that may be published, as counted, and the sum of all others: `rest`, often 0."""

    parts: Mapping[str, int]
    rest: int = 0


def disclose(parts: Mapping[str, int]) -> Disclosed | None:
    """What may be published of the parts of a total that readers know, or None: nothing.

    Assumes a reader who knows the total, each published part and the rest exactly, and which parts are small. Parts of
    0 count as small, so the caller names those that could have occurred.
    """
    small = [count for count in parts.values() if count < SMALLEST]
    if not small:
        return Disclosed(dict(parts))
    shown = sorted((count, name) for name, count in parts.items() if count >= SMALLEST)
    rest, added = sum(small), 0
    while not _protected(rest, len(small), added, shown[0][0] if shown else math.inf):
        if not shown:
            return None
        rest, added = rest + shown.pop(0)[0], added + 1
    return Disclosed({name: count for count, name in shown}, rest) if shown else None


def _protected(rest: int, small: int, added: int, smallest_shown: float) -> bool:
    """Whether each small part may have `STEP` values, if `rest` is the sum of the small parts and of `added` larger
    ones, each of which lies between `SMALLEST` and the smallest part that is shown.
    """
    most = SMALLEST - 1
    above = added * smallest_shown if added else 0
    lowest = max(0, rest - above - most * (small - 1))
    highest = min(most, rest - SMALLEST * added)
    return rest >= SMALLEST and highest - lowest >= STEP - 1
