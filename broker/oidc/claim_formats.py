"""Formats of claims (OpenID Connect Core 5.1, OpenID Connect for IDA Claims 1.0), also in `verified_claims`.

A value of another format would invalidate a whole `verified_claims`, so it is omitted there. A `birthdate` may omit
unknown parts (ISO 8601-1): YYYY, YYYY-MM, or 0000-MM-DD.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeGuard

from broker.model.json_types import JsonObject
from broker.normalize.dates import partial_date


def _text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _like(pattern: str) -> Callable[[object], bool]:
    expression = re.compile(pattern, re.ASCII)
    return lambda value: isinstance(value, str) and expression.fullmatch(value) is not None


def _parts(value: object) -> TypeGuard[JsonObject]:
    return isinstance(value, Mapping) and bool(value) and all(_text(each) for each in value.values())


def _countries(value: object) -> bool:
    codes = value if isinstance(value, list) else []
    return bool(codes) and all(_COUNTRY(code) for code in codes) and len(set(codes)) == len(codes)


def _place(value: object) -> bool:
    return _parts(value) and ("country" not in value or _COUNTRY(value["country"]))


def _address(value: object) -> bool:
    return _parts(value) and ("country_code" not in value or _COUNTRY(value["country_code"]))


def _date(value: object) -> bool:
    return isinstance(value, str) and partial_date(value) == value


def _truth(value: object) -> bool:
    return isinstance(value, bool)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_COUNTRY: Final = _like("[A-Za-z]{2,3}")

_TEXTS: Final = (
    *("name", "given_name", "middle_name", "family_name", "title", "salutation", "also_known_as", "gender", "picture"),
    *("birth_family_name", "birth_given_name", "birth_middle_name"),
    *("preferred_username", "profile", "website", "zoneinfo"),
)

_SHAPES: Final[Mapping[str, Callable[[object], bool]]] = {
    **dict.fromkeys(_TEXTS, _text),
    **dict.fromkeys(("email_verified", "phone_number_verified"), _truth),
    "birthdate": _date,
    "email": _like(r"[^@]+@[^@.]+(\.[^@.]+)+"),
    "phone_number": _like(r"\+?[0-9]{5,15}(;ext=?[0-9]{0,9})?"),
    "msisdn": _like(r"\+?[0-9]{5,15}"),
    "locale": _like("[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*"),
    "updated_at": _number,
    "address": _address,
    "place_of_birth": _place,
    "nationalities": _countries,
}


_STRICTER: Final[Mapping[str, Callable[[object], bool]]] = {
    "phone_number": _like(r"\+?[0-9]{5,15}(;ext[0-9]{0,9})?"),
    "locale": _like("[A-Za-z]{2}[-_][A-Z]{2}[A-Za-z]?"),
}
"""Claims with a stricter format in the schema of `verified_claims` than in OpenID Connect Core 5.1."""


def has_verified_shape(name: str, value: object) -> bool:
    """Whether a value is valid in `verified_claims`."""
    stricter = _STRICTER.get(name)
    return has_shape(name, value) and (stricter is None or stricter(value))


def has_shape(name: str, value: object) -> bool:
    """Whether a value has the format of its claim; claims that no standard defines may have any but an empty value."""
    shape = _SHAPES.get(name)
    return value not in (None, "", [], {}) if shape is None else shape(value)
