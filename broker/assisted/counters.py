"""The order of counters of partner desks for a citizen who says where they are: a town, or the start of a postcode.

Nothing is looked up: what the citizen typed is compared with the areas that each counter names.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from broker.model.own_rights import DeskLocation

LONGEST_PLACE: Final = 60
"""Characters of a place at most."""

_INWARD: Final = re.compile(r"(?<=[a-z0-9]{2})[0-9][a-z]{2}$")
"""The second part of a British postcode, as it is written without a space."""


def by_place(counters: Sequence[DeskLocation], said: str) -> tuple[list[DeskLocation], int]:
    """The counters, those first whose areas name the place most exactly, and how many name it at all."""
    place = _key(said[:LONGEST_PLACE])
    found = [(max((_fit(_key(area), place) for area in one.areas), default=0), one) for one in counters]
    ordered = sorted(found, key=lambda pair: -pair[0])
    return [one for _, one in ordered], sum(fit > 0 for fit, _ in found)


def _key(text: str) -> str:
    """A place without case, accents, spaces and punctuation."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in plain if letter.isalnum())


def _fit(area: str, place: str) -> int:
    """How exactly an area names a place: the number of characters that both have, 0 if it does not.

    Of a postcode with letters, "AB1" is not the start of "AB10", which is another district.
    """
    if len(area) < 2 or len(place) < 2:
        return 0
    if area == place:
        return len(area) + 1
    if area.startswith(place):
        return len(place)
    district = _INWARD.sub("", place)
    if not district.startswith(area):
        return 0
    another = area[-1].isdigit() and not area.isdigit() and district[len(area) : len(area) + 1].isdigit()
    return 0 if another else len(area)
