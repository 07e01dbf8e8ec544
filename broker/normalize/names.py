"""Names of people, compared."""

import re
from typing import Final

from broker.normalize.text import fold

_BETWEEN: Final = re.compile(r"[-.,\s]+")
_AROUND_APOSTROPHE: Final = re.compile(r" *'[' ]*")


def name_key(name: str) -> str:
    """The key under which two spellings of one name are equal; "" for a text without any letter, such as "-" or ".".

    Beside what `fold` ignores, hyphens, full stops and blanks between parts of a name are one: registers disagree
    about them. Apostrophes stay, and so do diacritics: O'Neill is not Oneill, and José is not Jose.
    """
    key = _AROUND_APOSTROPHE.sub("'", _BETWEEN.sub(" ", fold(name))).strip()
    return key if any(letter.isalpha() for letter in key) else ""
