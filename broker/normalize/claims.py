"""Normal forms of claims from providers: type, normal form, and conversion or rejection of other forms.

OpenID Connect Core 5.1, OpenID Connect for Identity Assurance Claims Registration 1.0. A value in another form is
converted if it is unambiguous; otherwise it is dropped and reported as malformed. Null, an empty value, and a text
without visible characters mean no value (Core 5.3.2): they are dropped without a report.

In an object or a list, a malformed member is dropped and reported; the others stay.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from broker.normalize.dates import numeric_date, partial_date
from broker.normalize.email import sendable
from broker.normalize.phone import phone_and_extension, phone_number
from broker.normalize.text import clean, clean_lines, is_blank, plain_marks

MAX_TEXT: Final = 1000
MAX_MEMBERS: Final = 20
"""Maximum length of a text in characters, and maximum number of members of an object or list."""

EXACT: Final = 2**53
"""Largest integer that every JSON parser represents exactly (RFC 7493 2.2)."""


class UnreadableClaim(Exception):
    """Value that has no normal form for its claim. The exception does not contain the value."""


@dataclass(frozen=True, slots=True)
class ClaimReading:
    """Result of reading a claim: None if it has no value. `malformed` says that it, or a member of it, was dropped."""

    value: object = None
    malformed: bool = False


Reader = Callable[[object, str | None], ClaimReading]
"""Reader of a non-empty value. The second argument is the country of telephone numbers without a country code.

Raises UnreadableClaim.
"""


def read_claim(name: str, value: object, region: str | None = None) -> ClaimReading:
    """Reads a claim into its normal form. `region` (ISO 3166-1 alpha-2) is the country of telephone numbers without a
    code.
    """
    reader = CLAIM_TYPES.get(name, _read_other)
    if reader not in _OF_LISTS and isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        value = value[0]  # some directories wrap a single value in a list
    if _is_empty(value):
        return ClaimReading()
    try:
        return reader(value, region)
    except UnreadableClaim:
        return ClaimReading(malformed=True)


def _is_empty(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_TEXT and not _has_surrogate(value) and is_blank(value)
    return value is None or value in ([], {})


def _has_surrogate(text: str) -> bool:
    """Whether a text contains a lone surrogate, which cannot be encoded."""
    return not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)


# --- single values ---


def _text(value: object) -> str:
    """Text within the maximum length."""
    if not isinstance(value, str) or len(value) > MAX_TEXT or _has_surrogate(value):
        raise UnreadableClaim
    return value


def _of_text(convert: Callable[[str], str | None]) -> Reader:
    """Reader of texts; `convert` returns the normal form, or None if the text has none."""

    def read(value: object, _: str | None) -> ClaimReading:
        found = convert(_text(value))
        if found is None:
            raise UnreadableClaim
        return ClaimReading(found or None)

    return read


def _read_truth(value: object, _: str | None) -> ClaimReading:
    """Boolean; also as words, and as 1 and 0."""
    if isinstance(value, str):
        value = {"true": True, "1": True, "false": False, "0": False}.get(clean(value).lower())
    if not isinstance(value, bool) and (not isinstance(value, int) or value not in (0, 1)):
        raise UnreadableClaim
    return ClaimReading(bool(value))


def _read_moment(value: object, _: str | None) -> ClaimReading:
    """Seconds since 1970 UTC; also as text, and as a date and time with a zone (RFC 3339)."""
    if isinstance(value, str):
        typed = plain_marks(value)
        try:
            value = int(typed) if typed.isdecimal() else datetime.fromisoformat(typed)
        except ValueError:
            raise UnreadableClaim from None
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise UnreadableClaim
            value = int(value.timestamp())
    if numeric_date(value) is None:
        raise UnreadableClaim
    return ClaimReading(value)


def _read_phone(value: object, region: str | None) -> ClaimReading:
    """E.164 number, with an extension as in RFC 3966. A JSON number has lost its "+" and leading zeros: read as
    national.
    """
    if isinstance(value, int) and not isinstance(value, bool) and region is not None:
        value = str(value)[:MAX_MEMBERS]
    found = phone_and_extension(_text(value), region)
    if found is None:
        raise UnreadableClaim
    return ClaimReading(found)


def _read_msisdn(value: object, _: str | None) -> ClaimReading:
    """Digits of an international number, without "+" (ITU-T E.164)."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)[:MAX_MEMBERS]
    written = plain_marks(_text(value))
    found = phone_number(written if written.startswith(("+", "00")) else f"+{written}", None)
    if found is None:
        raise UnreadableClaim
    return ClaimReading(found.removeprefix("+"))


def _birthdate(text: str) -> str | None:
    """Partial date. Eight digits are the basic format of ISO 8601-1, since only programs write it."""
    written = plain_marks(text)
    basic = re.fullmatch(r"([0-9]{4})([0-9]{2})([0-9]{2})", written)
    return partial_date("-".join(basic.groups()) if basic else written)


_LANGUAGE_TAG: Final = re.compile(
    r"[A-Za-z]{2,3}(-[A-Za-z]{3}){0,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?"
    r"(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*(-[A-WY-Za-wy-z0-9](-[A-Za-z0-9]{2,8})+)*(-[Xx](-[A-Za-z0-9]{1,8})+)?"
)


def language_tag(text: str) -> str | None:
    """Language tag in the case that BCP 47 recommends (RFC 5646 2.1.1), such as `zh-Hant-TW`; None if invalid."""
    tag = plain_marks(text).replace("_", "-")
    if not _LANGUAGE_TAG.fullmatch(tag):
        return None
    first, *rest = tag.lower().split("-")
    written = [first]
    for part in rest:
        single = any(len(before) == 1 for before in written)
        known = {2: str.upper, 4: str.title}.get(len(part))
        written.append(part if single or known is None or part[0].isdecimal() else known(part))
    return "-".join(written)


_UNSAFE: Final = re.compile(r"""[\s\\<>"{}|^`]""")


def _url(text: str) -> str | None:
    """Absolute http or https URL (RFC 3986 3), without credentials or characters by which parsers disagree about the
    host.
    """
    written = clean(text)
    try:
        parts = urlsplit(written)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and not _UNSAFE.search(written)
        fits = fits and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return None
    return written if fits else None


def _zone(text: str) -> str | None:
    """Name of the time zone database."""
    written = clean(text)
    return written if re.fullmatch(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*", written) else None


def _country(value: object) -> str:
    """Country in two (ISO 3166-1 alpha-2) or three letters (ICAO 9303)."""
    code = clean(_text(value)).upper()
    if not re.fullmatch(r"[A-Z]{2,3}", code):
        raise UnreadableClaim
    return code


# --- objects and lists ---


def _read_members(value: object, kinds: Mapping[str, Callable[[object], str]]) -> ClaimReading:
    """Object of texts. Numbers in it, such as a postal code, become texts."""
    if not isinstance(value, dict) or len(value) > MAX_MEMBERS:
        raise UnreadableClaim
    read: dict[str, str] = {}
    malformed = False
    for name, member in value.items():
        if _is_empty(member):
            continue
        try:
            if not _is_name(name):
                raise UnreadableClaim
            read[name] = kinds.get(name, _lines)(member)
        except UnreadableClaim:
            malformed = True
    return ClaimReading(read or None, malformed)


def _is_name(name: str) -> bool:
    return len(name) <= MAX_TEXT and name.isprintable() and not is_blank(name)


def _lines(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= EXACT:
        return str(value)
    return clean_lines(_text(value))


def _read_address(value: object, _: str | None) -> ClaimReading:
    """Address object (OpenID Connect Core 5.1.1). A text becomes its member `formatted`."""
    if isinstance(value, str):
        value = {"formatted": value}
    return _read_members(value, {"country_code": _country})


def _read_place(value: object, _: str | None) -> ClaimReading:
    """Place of birth (OpenID Connect for Identity Assurance Claims Registration 1.0, 4.2)."""
    return _read_members(value, {"country": _country})


def _read_countries(value: object, _: str | None) -> ClaimReading:
    """List of countries without duplicates."""
    return _read_each([value] if isinstance(value, str) else value, _country)


def _read_each(values: object, convert: Callable[[object], object]) -> ClaimReading:
    if not isinstance(values, list) or len(values) > MAX_MEMBERS:
        raise UnreadableClaim
    read: list[object] = []
    malformed = False
    for value in values:
        if _is_empty(value):
            continue
        try:
            found = convert(value)
        except UnreadableClaim:
            malformed = True
            continue
        if found not in read:
            read.append(found)
    return ClaimReading(read or None, malformed)


def _scalar(value: object) -> str | int | float:
    if isinstance(value, int | float):
        if not abs(value) <= EXACT:  # nor is NaN
            raise UnreadableClaim
        return value
    return clean_lines(_text(value))


def _read_other(value: object, _: str | None) -> ClaimReading:
    """Claim that no standard defines: a text, a number, a boolean, a list of these, or an object of texts."""
    if isinstance(value, list):
        return _read_each(value, _scalar)
    return _read_members(value, {}) if isinstance(value, dict) else ClaimReading(_scalar(value))


_OF_LISTS: Final = (_read_countries, _read_other)
"""Readers for which a list with one text stays a list."""


def _each(names: Iterable[str], reader: Reader) -> dict[str, Reader]:
    return dict.fromkeys(names, reader)


CLAIM_TYPES: Final[Mapping[str, Reader]] = MappingProxyType(
    {
        **_each(("name", "given_name", "family_name", "middle_name", "nickname", "also_known_as"), _of_text(clean)),
        **_each(("birth_family_name", "birth_given_name", "birth_middle_name"), _of_text(clean)),
        **_each(("preferred_username", "gender", "salutation", "title"), _of_text(clean)),
        **_each(("profile", "picture", "website"), _of_text(_url)),
        **_each(("email_verified", "phone_number_verified"), _read_truth),
        "email": _of_text(sendable),
        "phone_number": _read_phone,
        "msisdn": _read_msisdn,
        "birthdate": _of_text(_birthdate),
        "locale": _of_text(language_tag),
        "zoneinfo": _of_text(_zone),
        "updated_at": _read_moment,
        "address": _read_address,
        "place_of_birth": _read_place,
        "nationalities": _read_countries,
    }
)
"""Readers of claims that standards define. `_read_other` reads any other."""

PROVEN_BY: Final[Mapping[str, str]] = MappingProxyType(
    {"email": "email_verified", "phone_number": "phone_number_verified"}
)
"""Claims with a companion that says whether their value was verified."""
