"""Durations in words of people: "24 hours", "2 days", "10 minutes", with the plural forms of each language.

CLDR has no hours in Welsh and no days in Arabic, so the forms stand here: in Arabic those that follow a preposition.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from broker.model.languages import lookup

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86400

OTHERWISE: Final = "en"
"""Language of a duration whose own language has no forms."""

Forms = Mapping[str, str]
"""A unit in one language, by CLDR plural category. A form without `{n}` says the number by itself."""


@dataclass(frozen=True, slots=True)
class Units:
    """The units of one language. `category` is its CLDR plural rule for whole numbers; `joint` joins two units."""

    category: Callable[[int], str]
    day: Forms
    hour: Forms
    minute: Forms
    second: Forms
    joint: str

    def form(self, unit: Forms, n: int) -> str:
        """The number with its unit."""
        return (unit.get(self.category(n)) or unit["other"]).format(n=n)


def _english(n: int) -> str:
    return "one" if n == 1 else "other"


def _welsh(n: int) -> str:
    return {1: "one", 2: "two"}.get(n, "other")


def _arabic(n: int) -> str:
    if n < 3:
        return ("zero", "one", "two")[n]
    hundredth = n % 100
    return "few" if 3 <= hundredth <= 10 else "many" if hundredth >= 11 else "other"


_UNITS: Final[Mapping[str, Units]] = MappingProxyType(
    {
        "en": Units(
            _english,
            {"one": "{n} day", "other": "{n} days"},
            {"one": "{n} hour", "other": "{n} hours"},
            {"one": "{n} minute", "other": "{n} minutes"},
            {"one": "{n} second", "other": "{n} seconds"},
            "{0} and {1}",
        ),
        "cy": Units(
            _welsh,
            {"two": "{n} ddiwrnod", "other": "{n} diwrnod"},
            {"other": "{n} awr"},
            {"two": "{n} funud", "other": "{n} munud"},
            {"other": "{n} eiliad"},
            "{0} a {1}",
        ),
        "ar": Units(
            _arabic,
            {"one": "يوم واحد", "two": "يومين", "few": "{n} أيام", "many": "{n} يوما", "other": "{n} يوم"},
            {"one": "ساعة واحدة", "two": "ساعتين", "few": "{n} ساعات", "other": "{n} ساعة"},
            {"one": "دقيقة واحدة", "two": "دقيقتين", "few": "{n} دقائق", "other": "{n} دقيقة"},
            {"one": "ثانية واحدة", "two": "ثانيتين", "few": "{n} ثوان", "other": "{n} ثانية"},
            "{0} و{1}",
        ),
    }
)


@lru_cache(maxsize=1024)
def in_words(seconds: float, language: str) -> str:
    """The duration in words, in at most two units, rounded down to the smaller one.

    Hours go up to 47, as people say "24 hours" and "36 hours"; from two days on it is days. Negative counts as 0.
    """
    units, left = _UNITS[lookup(language, _UNITS) or OTHERWISE], max(0, int(seconds))
    if left >= 2 * DAY:
        steps = ((DAY, units.day), (HOUR, units.hour))
    elif left >= HOUR:
        steps = ((HOUR, units.hour), (MINUTE, units.minute))
    elif left >= MINUTE:
        steps = ((MINUTE, units.minute), (1, units.second))
    else:
        return units.form(units.second, left)
    (large, name), (small, part) = steps
    whole, rest = left // large, left % large // small
    said = units.form(name, whole)
    return units.joint.format(said, units.form(part, rest)) if rest else said
