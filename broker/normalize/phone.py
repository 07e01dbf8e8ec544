"""Telephone numbers in E.164 form, parsed by the library phonenumbers.

The library is imported at the first number (2.6 MB, plus the metadata of each country when first used), so that a
worker without numbers does not load it.
"""

import re
from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Final

from broker.normalize.text import plain_marks

_TYPED: Final = re.compile(r"\+?[0-9 ().\-/]{4,40}")
_RESERVED: Final = {"GB": ("07700 900 982", "+44 7700 900 982")}
"""Numbers that a regulator reserves for examples, and never assigns."""

_EXTENSION: Final = re.compile(r"(.*?)(?:;\s*ext=|\s*(?:ext\.?|x)\s*)([0-9]{1,9})", re.IGNORECASE)


def phone_number(text: str, region: str | None) -> str | None:
    """E.164 form (+447700900982) of a number as people write it; None if it is invalid or has an extension.

    `region` (ISO 3166-1 alpha-2) is the country of a number without a country code; with None, only numbers that start
    with "+" or "00" are read. A number is valid if its length is possible in its country: numbering plans change faster
    than a library, and numbers reserved for tests are outside of its ranges.
    """
    typed = plain_marks(text).removeprefix("tel:")
    if region is None and typed.startswith("00"):
        typed = f"+{typed[2:]}"
    if not _TYPED.fullmatch(typed):
        return None
    library = _library()
    written: str | None = None
    for _ in range(3):  # repeat until parsing no longer changes the number
        try:
            number = library.parse(typed, region)
        except library.NumberParseException:
            return None
        if library.is_possible_number_with_reason(number) != library.ValidationResult.IS_POSSIBLE:
            return None
        written = library.format_number(number, library.PhoneNumberFormat.E164)
        if written == typed:
            return written
        typed = written
    return None


def phone_and_extension(text: str, region: str | None) -> str | None:
    """Like `phone_number`, with an extension in the syntax of RFC 3966 (`+441632960123;ext=12`) if there is one."""
    parts = _EXTENSION.fullmatch(plain_marks(text))
    number = phone_number(parts[1] if parts else text, region)
    return f"{number};ext={parts[2]}" if number is not None and parts else number


def dialled(number: str, region: str) -> tuple[str, str] | None:
    """Country code ("+44") of an E.164 number, and its digits as dialled within `region` ("07700900982").

    None for a number of another country.
    """
    library = _library()
    parsed = library.parse(number)
    if parsed.country_code != library.country_code_for_region(region):
        return None
    national = library.format_number(parsed, library.PhoneNumberFormat.NATIONAL)
    return f"+{parsed.country_code}", re.sub(r"[^0-9]", "", national)


def example_numbers(region: str) -> tuple[str, str]:
    """Example of a mobile number of a country, in national and international format."""
    if region in _RESERVED:
        return _RESERVED[region]
    library, form = _library(), _library().PhoneNumberFormat
    number = library.example_number_for_type(region, library.PhoneNumberType.MOBILE) or library.example_number(region)
    return library.format_number(number, form.NATIONAL), library.format_number(number, form.INTERNATIONAL)


def regions() -> Sequence[str]:
    """Countries (ISO 3166-1 alpha-2) whose numbering plans are known."""
    return sorted(_library().SUPPORTED_REGIONS)


@cache
def _library() -> ModuleType:
    import phonenumbers

    return phonenumbers
