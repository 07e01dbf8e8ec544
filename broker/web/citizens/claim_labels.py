"""Claim labels and values in words for citizens."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

from broker.normalize.dates import NO_YEAR, partial_date
from broker.web.citizens.failure_texts import marked
from broker.web.shared.i18n import Language

LABELS: Mapping[str, str] = MappingProxyType(
    {
        "name": marked("Name"),
        "given_name": marked("First names"),
        "family_name": marked("Last name"),
        "middle_name": marked("Middle names"),
        "nickname": marked("Name you are called by"),
        "preferred_username": marked("User name"),
        "birthdate": marked("Date of birth"),
        "gender": marked("Gender"),
        "email": marked("Email address"),
        "email_verified": marked("Email address was checked"),
        "phone_number": marked("Telephone number"),
        "phone_number_verified": marked("Telephone number was checked"),
        "address": marked("Address"),
        "picture": marked("Picture"),
        "profile": marked("Profile page"),
        "website": marked("Website"),
        "locale": marked("Language"),
        "zoneinfo": marked("Time zone"),
        "updated_at": marked("When your details last changed"),
        "place_of_birth": marked("Place of birth"),
        "nationalities": marked("Nationalities"),
        "birth_family_name": marked("Last name at birth"),
        "birth_given_name": marked("First names at birth"),
        "salutation": marked("Form of address"),
        "title": marked("Title"),
        "msisdn": marked("Mobile number"),
        "also_known_as": marked("Other name you use"),
    }
)
"""Labels of the claims of OpenID Connect Core 5.1 and OpenID Connect for Identity Assurance Claims Registration 1.0."""

LEAP_YEAR: Final = "2000"
"""Replaces an unknown year: a leap year, so that 29 February can be formatted."""


def label(claim: str, words: Language) -> str:
    """The label of a claim; without one, the claim's name with spaces for underscores and a capital."""
    known = LABELS.get(claim)
    if known is not None:
        return words.text(known)
    spelled = claim.rsplit("/", 1)[-1].replace("_", " ")
    return spelled[:1].upper() + spelled[1:]


def lines(claim: str, value: object, words: Language) -> list[str]:
    """A claim's value as lines of text."""
    match value:
        case bool():
            return [words.text("Yes") if value else words.text("No")]
        case str() if claim == "birthdate":
            return [_date(value, words)]
        case str():
            return value.splitlines()
        case int() | float() if claim == "updated_at":
            return [words.day(float(value))]
        case Mapping() if claim == "address" and value.get("formatted"):
            return str(value["formatted"]).splitlines()
        case Mapping():
            return [line for part in value.values() for line in lines("", part, words)]
        case list() | tuple():
            return [line for part in value for line in lines("", part, words)]
        case None:
            return []
        case _:
            return [str(value)]


def _date(text: str, words: Language) -> str:
    """A partial date in words (`normalize.dates`); another text unchanged."""
    if partial_date(text) != text or len(text) == 4:
        return text
    if text.startswith(NO_YEAR):
        return words.birthday(date.fromisoformat(f"{LEAP_YEAR}{text[4:]}"))
    return words.month(date.fromisoformat(f"{text}-01")) if len(text) == 7 else words.date(date.fromisoformat(text))
