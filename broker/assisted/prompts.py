"""Prompts of a video that a citizen sends: what they are asked to do, drawn for one upload.

One prompt is to say the first of the two words, which only the page of the asking browser shows. The others are
drawn at random, so that a video made before, or of another person's case, does not fit.
"""

from collections.abc import Callable
from typing import Final

from broker.assisted.case_records import Phrase

SAY: Final = "say"
ACTIONS: Final = (
    "look_left",
    "look_right",
    "look_up",
    "close_eyes",
    "show_two",
    "show_five",
    "hold_document",
    "count_to_four",
)
"""Prompts besides the word. Each can be done while sitting, and in a few seconds."""

DRAWN: Final = 2
"""How many of them are drawn."""

LIFE: Final = 15 * 60
"""How long (seconds) prompts are valid: until then the upload must have begun."""

MOST_DRAWS: Final = 12
"""How often prompts are drawn in one case at most, so that one cannot wait for those that fit another video."""


def prompts(words: Phrase, draw: Callable[[int], bytes]) -> tuple[str, ...]:
    """Draws prompts in the order in which they are to be followed: `say:<word>` and DRAWN different others."""
    left = list(ACTIONS)
    chosen = [left.pop(_below(len(left), draw)) for _ in range(DRAWN)]
    chosen.insert(_below(len(chosen) + 1, draw), f"{SAY}:{words.first}")
    return tuple(chosen)


def fits(drawn: tuple[str, ...], words: Phrase) -> bool:
    """Whether these prompts ask for the word that the page shows now. A new phrase makes earlier videos worthless."""
    return bool(words.first) and f"{SAY}:{words.first}" in drawn


def _below(limit: int, draw: Callable[[int], bytes]) -> int:
    """A number below `limit`, uniformly distributed by rejection sampling."""
    while True:
        number = draw(1)[0]
        if number < 256 - 256 % limit:
            return number % limit
