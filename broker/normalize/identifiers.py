"""Normal forms of national identifiers, so that one person has one identifier however a provider writes it."""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

MAX_IDENTIFIER: Final = 64
_SEPARATORS: Final = re.compile(r"[\s./-]+")
_BRACES: Final = re.compile(r"\{([^{}]+)\}")


class IdentifierForm(StrEnum):
    """Normal form of an identifier."""

    UPPER = "upper"
    """Without spaces, dots, slashes and hyphens, in upper case."""
    DIGITS = "digits"
    """Digits alone, without spaces, dots, slashes and hyphens."""
    BRACES = "braces"
    """Without the braces around it, in lower case."""
    CPF = "cpf"
    """A Brazilian CPF: eleven digits, of which the last two are check digits."""
    NHS_NUMBER = "nhs_number"
    """An NHS number: ten digits, of which the last is a check digit."""


def normalize_identifier(value: object, form: IdentifierForm) -> str | None:
    """The normal form of an identifier; None for a value that is none of this form."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.isascii() or not 1 <= len(value) <= MAX_IDENTIFIER:
        return None
    return _FORMS[form](value.strip()) or None


def _compact(text: str) -> str:
    return _SEPARATORS.sub("", text)


def _digits(text: str) -> str | None:
    compact = _compact(text)
    return compact if compact.isdecimal() else None


def _unbraced(text: str) -> str | None:
    found = _BRACES.fullmatch(text)
    inner = text if found is None else found[1]
    return None if "{" in inner or "}" in inner else inner.strip().lower()


def _cpf(text: str) -> str | None:
    digits = _digits(text)
    if digits is None or len(digits) != 11 or len(set(digits)) == 1:
        return None
    for size in (9, 10):
        total = sum(int(digit) * (size + 1 - place) for place, digit in enumerate(digits[:size]))
        if int(digits[size]) != total * 10 % 11 % 10:
            return None
    return digits


def _nhs_number(text: str) -> str | None:
    digits = _digits(text)
    if digits is None or len(digits) != 10:
        return None
    check = 11 - sum(int(digit) * (10 - place) for place, digit in enumerate(digits[:9])) % 11
    return digits if int(digits[9]) == check % 11 and check != 10 else None


_FORMS: Final[Mapping[IdentifierForm, Callable[[str], str | None]]] = {
    IdentifierForm.UPPER: lambda text: _compact(text).upper(),
    IdentifierForm.DIGITS: _digits,
    IdentifierForm.BRACES: _unbraced,
    IdentifierForm.CPF: _cpf,
    IdentifierForm.NHS_NUMBER: _nhs_number,
}
