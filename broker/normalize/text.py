"""Unicode text: the normal form that is stored and sent, and keys for comparison (Unicode TR15, TR44 5.7).

Pasted text contains invisible characters: bidirectional controls (U+202D), zero-width characters (U+200B), soft
hyphens, and various blanks. They are removed or replaced by plain blanks, so that they cannot split or spoof anything.
"""

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_BETWEEN: Final = re.compile(r"[-.,\s]+")
_AROUND_APOSTROPHE: Final = re.compile(r" *'[' ]*")

_JOINERS: Final = "\u200c\u200d"
"""Zero-width joiners. They affect the writing of Persian and Indic words, so they stay inside a word, and after the
virama at its end (Malayalam chillus before Unicode 5.1).
"""

_VIRAMA: Final = 9
"""Combining class of viramas."""

_BLANKS: Final = frozenset("\u3164\uffa0\u2800")
"""Characters that are displayed as a blank but are not white space in Unicode: Hangul fillers and the empty Braille
pattern.
"""

_UNSEEN: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5")
"""Characters without a glyph that Unicode does not classify as format characters (Default_Ignorable_Code_Point)."""

_CATEGORIES_DROPPED: Final = frozenset({"Cc", "Cf", "Cs"})

_APOSTROPHES: Final = "\u2019\u2018\u02bc\u02bb\u02b9\u02bd\u02bf\u02be\u2032\u201b\u00b4`\uff07\u05f3\ua78c\u055a"
_DASHES: Final = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d\u05be\u30a0\u02d7\u2043"
_CHILLUS: Final = "\u0d23\u0d28\u0d30\u0d32\u0d33\u0d15"
"""Base letters of the Malayalam chillus U+0D7A to U+0D7F, which were written with a virama before Unicode 5.1."""

_MARKS: Final[Mapping[int, str]] = MappingProxyType(
    {**{ord(mark): "'" for mark in _APOSTROPHES}, **{ord(dash): "-" for dash in _DASHES}}
)
_ALIKE: Final[Mapping[int, str | None]] = MappingProxyType(
    {
        **_MARKS,
        **dict.fromkeys(map(ord, _JOINERS)),
        **dict.fromkeys(range(0xFE00, 0xFE10)),  # variation selectors: the same character in another drawing
        **dict.fromkeys(range(0xE0100, 0xE01F0)),
        **dict.fromkeys(range(0x180B, 0x180E)),
        0x0640: None,  # tatweel only stretches an Arabic word
        0x06CC: "\u064a",  # yeh and kaf of a Persian keyboard
        0x06A9: "\u0643",
        0x0649: "\u064a",  # alef maksura, which Egypt writes for a final yeh
        **dict.fromkeys((0x06C1, 0x06D5), "\u0647"),  # heh of Urdu and Kurdish keyboards
        **{chillu: f"{letter}\u0d4d" for chillu, letter in zip(range(0x0D7A, 0x0D80), _CHILLUS, strict=True)},
        0x0131: "i",  # dotless i: capital I is its capital in Turkish, and that of i elsewhere
    }
)


def clean(text: str) -> str:
    """Normal form of one line: NFC, without invisible and control characters, single blanks between words."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    seen = "".join(map(_seen, unicodedata.normalize("NFC", text)))
    words = [word for each in seen.split() if (word := _trimmed(each))]
    return unicodedata.normalize("NFC", " ".join(words))


def _trimmed(word: str) -> str:
    """Removes joiners at both ends of a word, except one after a virama, which selects the form of the last letter."""
    word = word.lstrip(_JOINERS)
    bare = word.rstrip(_JOINERS)
    kept = bare != word and bare != "" and unicodedata.combining(bare[-1]) == _VIRAMA
    return word[: len(bare) + 1] if kept else bare


def clean_lines(text: str) -> str:
    """Normal form of several lines, such as an address: each line cleaned, empty lines dropped."""
    lines = (clean(line) for line in re.split(r"\r\n|[\n\r\v\f\x85\u2028\u2029]", text))
    return "\n".join(line for line in lines if line)


def is_blank(text: str) -> bool:
    """Whether a text displays nothing: no letter, number, punctuation mark or symbol."""
    if text.isascii() and text.isprintable():
        return not text.strip()
    return not any(unicodedata.category(letter)[0] in "LNPS" for letter in clean(text))


def ascii_digits(text: str) -> str:
    """Replaces decimal digits of any script (Arabic, Persian, full-width) by ASCII digits."""
    if text.isascii():
        return text
    return "".join(letter if (value := unicodedata.decimal(letter, None)) is None else str(value) for letter in text)


def plain_marks(text: str) -> str:
    """Cleaned text with ASCII digits, plain hyphens, straight apostrophes, and plain instead of full-width forms."""
    if text.isascii() and text.isprintable() and "`" not in text:  # no other ASCII character is in _MARKS
        return clean(text)
    return clean(ascii_digits(unicodedata.normalize("NFKC", clean(text).translate(_MARKS)).translate(_MARKS)))


def fold(text: str) -> str:
    """Key of a text: equal for texts that differ only in case, composition, width, or variants of punctuation.

    Case folding is independent of the language and maps dotted and dotless i to one letter, since "I", "ı", "İ" and "i"
    cannot be distinguished in capitals. Diacritics are significant.
    """
    text = clean(text)
    while (folded := _folded(text)) != text:
        text = folded
    return text


def _folded(text: str) -> str:
    text = unicodedata.normalize("NFKC", text.translate(_ALIKE)).casefold()
    text = unicodedata.normalize("NFKC", text).translate(_ALIKE).replace("i\u0307", "i")
    return clean(ascii_digits(text))


def _seen(letter: str) -> str:
    if letter.isspace() or letter in _BLANKS:
        return " "
    if letter in _JOINERS:
        return letter
    return "" if letter in _UNSEEN or unicodedata.category(letter) in _CATEGORIES_DROPPED else letter


def name_key(name: str) -> str:
    """Key for comparing names of people; "" for a text without any letter, such as "-" or ".".

    Besides what `fold` ignores, hyphens, full stops and blanks between parts of a name are equal, since registers
    differ in them. Apostrophes and diacritics are significant: O'Neill is not Oneill, and José is not Jose.
    """
    key = _AROUND_APOSTROPHE.sub("'", _BETWEEN.sub(" ", fold(name))).strip()
    return key if any(letter.isalpha() for letter in key) else ""


def code_key(text: str) -> str:
    """Key for comparing codes and document numbers that people type or read aloud: upper case, letters and digits only,
    digits of any script as ASCII digits.
    """
    if text.isascii():
        return "".join(letter for letter in text.upper() if letter.isalnum())
    while (key := _code_key_once(text)) != text:
        text = key
    return text


def _code_key_once(text: str) -> str:
    upper = ascii_digits(unicodedata.normalize("NFKC", text).upper())
    return "".join(letter for letter in unicodedata.normalize("NFKC", upper) if letter.isalnum())
