"""Mutual phrases, confirmation codes, and the check of notes for secrets."""

import hmac
import re
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files

from broker.assisted.case_records import Phrase
from broker.model.handle import sha256_hex
from broker.normalize.text import code_key, fold, plain_marks

CODE_DIGITS = 6
"""Digits of a confirmation code."""

_MISREAD = str.maketrans("OIL", "011")

PER_POSITION = 256
"""Words per position of the phrase, so that one random byte selects a word."""

Draw = Callable[[int], bytes]
"""Random source: returns the given number of unpredictable bytes."""


@cache
def lists() -> tuple[Sequence[str], Sequence[str]]:
    """Word lists of the first and the second position. Raises ValueError if the file is invalid."""
    text = files("broker.assisted").joinpath("words.txt").read_text("utf-8")
    body = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    first, second = (part.split() for part in body.split("[first]")[1].split("[second]"))
    if len(set(first)) != PER_POSITION or len(set(second)) != PER_POSITION or set(first) & set(second):
        raise ValueError(f"each part of the word list needs {PER_POSITION} distinct words")
    return tuple(first), tuple(second)


def phrase(draw: Draw) -> Phrase:
    """Generates a mutual phrase, uniformly distributed."""
    first, second = lists()
    chance = draw(2)
    return Phrase(first[chance[0]], second[chance[1]])


def verify_phrase(words: Phrase, typed: str) -> bool:
    """Whether the typed text contains both words in order, ignoring punctuation and case. Always False for an empty
    phrase.
    """
    return bool(words.first and words.second) and same_words(f"{words.first} {words.second}", typed)


def same_words(wanted: str, typed: str) -> bool:
    """Whether the typed text is the wanted words, ignoring punctuation and case. Always False if none are wanted."""
    said = " ".join(_words(typed))
    return bool(wanted) and hmac.compare_digest(said.encode(), fold(wanted).encode())


def _words(typed: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", fold(typed))


def confirmation_code(draw: Draw) -> str:
    """Generates a six-digit code, uniformly distributed by rejection sampling."""
    span, limit = 10**CODE_DIGITS, 256**4 - 256**4 % 10**CODE_DIGITS
    while True:
        number = int.from_bytes(draw(4))
        if number < limit:
            return f"{number % span:0{CODE_DIGITS}}"


def confirmation_digest(case: str, code: str) -> str:
    """Digest of a confirmation code for storage. It includes the case, so that a code is valid for one case only."""
    return sha256_hex(f"confirmation:{case}:{code}")


def verify_code(case: str, kept: str, typed: str) -> bool:
    """Whether the typed code matches the stored digest `kept`. Accepts digits of any script and ignores separators.

    A code consists of digits, so the letters O, I and L are read as 0 and 1.
    """
    return hmac.compare_digest(confirmation_digest(case, code_key(typed).translate(_MISREAD)), kept)


def call_code(digest: str) -> str:
    """The code that an agent reads out in a call, from a keyed digest (hexadecimal, 256 bits)."""
    return f"{int(digest, 16) % 10**CODE_DIGITS:0{CODE_DIGITS}}"


def verify_call_code(code: str, typed: str) -> bool:
    """Whether the typed code is the one of the call, read as `verify_code` reads codes."""
    return hmac.compare_digest(code, code_key(typed).translate(_MISREAD))


def has_code_shape(typed: str) -> bool:
    """Whether the typed text can be a confirmation code: six digits, as `verify_code` reads them."""
    read = code_key(typed).translate(_MISREAD)
    return len(read) == CODE_DIGITS and read.isdecimal()


def has_phrase_shape(typed: str) -> bool:
    """Whether the typed text can be a mutual phrase: two words, as `verify_phrase` reads them."""
    return len(_words(typed)) == 2


def continuation_digest(code: str) -> str:
    """Digest of a continuation code for storage. Its prefix separates it from other kinds of codes."""
    return sha256_hex(f"continuation:{code}")


# --- notes ---

_MOMENT = re.compile(
    r"(?<!\d)(?<!\d[ .\-])"
    r"(?:\d{4}-\d\d-\d\d|\d{1,2}[/.]\d{1,2}[/.](?:\d{4}|\d\d)|\d{1,2}[:.]\d\d|(?:19|20)\d\d)"
    r"(?![ .\-]?\d)"
)
_DIGITS = re.compile(r"\d(?:[ .\-]?\d){3,}")
_GROUPS = re.compile(r"\b(?=[\w-]*\d|[A-Z-]+\b)[0-9A-Za-z]{4}(?:[ -][0-9A-Za-z]{4}){2,}\b")
_SECRET_WORD = re.compile(
    r"\b(?:pass ?words?|pass ?phrases?|pass ?codes?|pins?|security (?:code|word|answer)s?|mother'?s maiden"
    r"|(?:ch?|g)yfrin(?:air|eiriau)|cod diogelwch)\b",
    re.IGNORECASE,
)
_RANDOM = re.compile(r"\b(?=\w*\d)(?=\w*[A-Za-z])[A-Za-z0-9]{10,}\b")


def lint_note(note: str) -> str | None:
    """Checks a note for secrets. Returns "card", "code" or "password" if it seems to contain one, else None.

    Dates, times and years pass. It prefers false positives: a note can be written without the digits. Digits of other
    scripts, and digits separated by other hyphens or invisible characters, count as digits.
    """
    note = plain_marks(note)
    rows = [re.sub(r"\D", "", row) for row in _DIGITS.findall(_MOMENT.sub(" ", note))]
    if any(12 < len(row) < 20 and _luhn(row) for row in rows):
        return "card"
    if _SECRET_WORD.search(note):
        return "password"
    return "code" if rows or _GROUPS.search(note) or _RANDOM.search(note) else None


def _luhn(digits: str) -> bool:
    """Check digit of payment cards (ISO/IEC 7812-1, annex B)."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
