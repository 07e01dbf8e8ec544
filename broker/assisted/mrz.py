"""Machine readable zone of a travel document (ICAO Doc 9303): its fields, and its check digits computed again.

Three forms are read: TD3 (passport, 2 lines of 44), TD2 (2 lines of 36) and TD1 (card, 3 lines of 30). Staff type or
paste the lines, or a reader types them. A letter that looks like a digit is not guessed: the check digit that is wrong
is named.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from broker.normalize.dates import full_date


class MrzFault(StrEnum):
    """What is wrong with a machine readable zone: its form, the check digit of a part, or an impossible date."""

    FORM = "mrz_form"
    NUMBER = "mrz_number"
    BIRTH = "mrz_birth"
    EXPIRY = "mrz_expiry"
    OPTIONAL = "mrz_optional"
    WHOLE = "mrz_whole"


@dataclass(frozen=True, slots=True)
class Mrz:
    """Content of a machine readable zone. `form` is TD1, TD2 or TD3; states are the zone's own codes, such as GBR or D.

    `birthdate` is a partial date: unknown parts, which the zone fills with `<`, are left out.
    """

    form: str
    kind: str
    state: str
    number: str
    nationality: str
    family_name: str
    given_name: str
    birthdate: str
    sex: str
    expires: str


_Span: TypeAlias = "slice[int, int, int]"


@dataclass(frozen=True, slots=True)
class _Layout:
    """Positions in the joined lines. A composite check digit covers `composite`, and is at `check`."""

    form: str
    lines: int
    width: int
    kind: _Span
    state: _Span
    names: _Span
    number: _Span
    nationality: _Span
    birth: _Span
    sex: int
    expiry: _Span
    optional: _Span
    composite: tuple[_Span, ...]
    check: int
    optional_check: int | None = None


def _two_lines(form: str, width: int, optional: _Span, composite_end: int, check: int) -> _Layout:
    """TD2 and TD3 have the same second line, but for the optional part."""
    at = width
    return _Layout(
        form,
        2,
        width,
        slice(0, 2),
        slice(2, 5),
        slice(5, width),
        slice(at, at + 9),
        slice(at + 10, at + 13),
        slice(at + 13, at + 19),
        at + 20,
        slice(at + 21, at + 27),
        slice(at + optional.start, at + optional.stop),
        (slice(at, at + 10), slice(at + 13, at + 20), slice(at + 21, at + composite_end)),
        at + check,
        at + 42 if form == "TD3" else None,
    )


_LAYOUTS: Final = (
    _two_lines("TD3", 44, slice(28, 42), 43, 43),
    _two_lines("TD2", 36, slice(28, 35), 35, 35),
    _Layout(
        "TD1",
        3,
        30,
        slice(0, 2),
        slice(2, 5),
        slice(60, 90),
        slice(5, 14),
        slice(45, 48),
        slice(30, 36),
        37,
        slice(38, 44),
        slice(15, 30),
        (slice(5, 30), slice(30, 37), slice(38, 45), slice(48, 59)),
        59,
    ),
)
FORMS: Final = frozenset(layout.form for layout in _LAYOUTS)
_FILLERS: Final[Mapping[int, str]] = str.maketrans({"«": "<", "‹": "<", "＜": "<", "〈": "<"})
_ALLOWED: Final = re.compile(r"[A-Z0-9<]+")
_WEIGHTS: Final = (7, 3, 1)


def check_digit(text: str) -> str:
    """Check digit of a part of the zone: weights 7, 3, 1, modulo 10 (Doc 9303-3, 4.9)."""
    return str(sum(_value(sign) * _WEIGHTS[index % 3] for index, sign in enumerate(text)) % 10)


def read(typed: str, today: str) -> Mrz | tuple[MrzFault, ...]:
    """Reads a zone as it was typed, in any case and with blanks. Returns its content, or every fault.

    A birth year is the latest one that is not in the future (`today`, as YYYY-MM-DD); documents expire in the years
    from 2000 on.
    """
    text = re.sub(r"\s+", "", typed.translate(_FILLERS)).upper()
    layout = next((one for one in _LAYOUTS if one.lines * one.width == len(text)), None)
    if layout is None or _ALLOWED.fullmatch(text) is None:
        return (MrzFault.FORM,)
    number, covered, digit = _number(text, layout)
    birth, expiry = text[layout.birth], text[layout.expiry]
    faults = [
        fault
        for fault, part, check in (
            (MrzFault.NUMBER, covered, digit),
            (MrzFault.BIRTH, birth, text[layout.birth.stop]),
            (MrzFault.EXPIRY, expiry, text[layout.expiry.stop]),
            (MrzFault.WHOLE, "".join(text[part] for part in layout.composite), text[layout.check]),
        )
        if check_digit(part) != check
    ]
    if layout.optional_check is not None and not _optional_is_right(text[layout.optional], text[layout.optional_check]):
        faults.append(MrzFault.OPTIONAL)
    born, expires = _birth(birth, today), full_date(f"20{expiry[:2]}-{expiry[2:4]}-{expiry[4:]}")
    faults += [MrzFault.BIRTH] if born is None and MrzFault.BIRTH not in faults else []
    faults += [MrzFault.EXPIRY] if expires is None and MrzFault.EXPIRY not in faults else []
    if faults or born is None or expires is None:
        return tuple(faults)
    family, _, given = text[layout.names].partition("<<")
    return Mrz(
        form=layout.form,
        kind=_plain(text[layout.kind]),
        state=_plain(text[layout.state]),
        number=number,
        nationality=_plain(text[layout.nationality]),
        family_name=_name(family),
        given_name=_name(given),
        birthdate=born,
        sex=_plain(text[layout.sex]),
        expires=expires,
    )


def _value(sign: str) -> int:
    """Value of a sign: digits 0 to 9, letters 10 to 35, the filler 0."""
    return 0 if sign == "<" else int(sign, 36)


def _number(text: str, layout: _Layout) -> tuple[str, str, str]:
    """Number of the document, the text that its check digit covers, and the check digit.

    A number of more than nine signs goes on in the optional part of a card (TD1) or of the second line (TD2): a filler
    is at the place of its check digit, and the check digit is its last sign (Doc 9303-5, 4.2.2).
    """
    first, digit = text[layout.number], text[layout.number.stop]
    rest = text[layout.optional].partition("<")[0]
    if digit != "<" or layout.form == "TD3" or len(rest) < 2:
        return _plain(first), first, digit
    return _plain(first + rest[:-1]), f"{first}<{rest[:-1]}", rest[-1]


def _optional_is_right(part: str, digit: str) -> bool:
    """Whether the check digit of the optional part is right. An empty part may have a filler in place of 0."""
    return digit == check_digit(part) or (digit == "<" and not part.strip("<"))


def _birth(six: str, today: str) -> str | None:
    """Birth date as a partial date, or None if there is no such day."""
    year, month, day = six[:2], six[2:4].strip("<"), six[4:].strip("<")
    if not (year.isdecimal() and all(not part or part.isdecimal() for part in (month, day))) or (day and not month):
        return None
    parts = [part for part in (month, day) if part]
    for century in (int(today[:2]), int(today[:2]) - 1):
        born = "-".join((f"{century:02}{year}", *parts))
        if born <= today[: len(born)]:
            return born if len(parts) < 2 or full_date(born) else None
    return None


def _plain(text: str) -> str:
    return text.strip("<")


def _name(text: str) -> str:
    """A name as the zone writes it: upper case without marks, with blanks."""
    return " ".join(text.replace("<", " ").split())
