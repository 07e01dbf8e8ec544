"""Dates in the normal form YYYY-MM-DD, and partial dates: YYYY, YYYY-MM, and 0000-MM-DD for an unknown year.

ISO 8601-1 4.2 and 5.2.2.2; OpenID Connect Core 5.1 for a `birthdate` without the year, or with the year alone. A part
written as zeros or X is unknown. Ambiguous dates are rejected: 04/12/1987 is a day in April in one country and in
December in another, and people write eight digits with the day first.
"""

import calendar
import re
from typing import Final

from broker.normalize.text import plain_marks

FIRST_YEAR: Final = 1850
LAST_YEAR: Final = 2200
"""Years outside of this range belong to another calendar, or are typing errors."""

NO_YEAR: Final = "0000"

_PART: Final = r"([0-9]{1,2}|[Xx]{2})"
_YEAR: Final = r"([0-9]{4}|[Xx]{4})"
_MIDNIGHT: Final = r"(?:[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+-]00:?00)?)?"
_FORMS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?P<y>{_YEAR})-(?P<m>{_PART})-(?P<d>{_PART}){_MIDNIGHT}",
        rf"(?P<y>{_YEAR})([/.])(?P<m>{_PART})\3(?P<d>{_PART})",
        rf"(?P<d>{_PART})\. ?(?P<m>{_PART})\. ?(?P<y>{_YEAR})",
        rf"(?P<y>{_YEAR})[-/](?P<m>{_PART})",
        r"(?P<y>[0-9]{4})",
        rf"--(?P<m>{_PART})-(?P<d>{_PART})",
    )
)


def partial_date(text: str) -> str | None:
    """Normal form of a date of which parts may be unknown; None if it is invalid or ambiguous.

    A day alone, a month alone, and a year without any known part are invalid.
    """
    typed = plain_marks(text)
    for form in _FORMS:
        if found := form.fullmatch(typed):
            parts = found.groupdict()
            return _written(_known(parts.get("y")), _known(parts.get("m")), _known(parts.get("d")))
    return None


def full_date(text: str) -> str | None:
    """Normal form of a date with year, month and day; None for anything else."""
    found = partial_date(text)
    return found if found is not None and len(found) == 10 and not found.startswith(NO_YEAR) else None


def _known(part: str | None) -> int:
    """Part as a number, 0 if unknown."""
    return int(part) if part is not None and part.isdecimal() else 0


def _written(year: int, month: int, day: int) -> str | None:
    if year and not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    if not month:
        return f"{year:04}" if year and not day else None
    if month > 12 or day > (29 if month == 2 and not year else calendar.monthrange(year or 2001, month)[1]):
        return None
    if not day:
        return f"{year:04}-{month:02}" if year else None
    return f"{year:04}-{month:02}-{day:02}"


def numeric_date(value: object) -> float | None:
    """NumericDate (RFC 7519 2) in seconds since 1970 UTC, or None for an invalid value such as true or -1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**40:
        return None
    return float(value)
