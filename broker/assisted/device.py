"""What it is worth to a case that somebody proved who they are on a device of their own, and confirmed it.

It is an electronic record like others, but one that no member of staff answers for: the checks are filled in by what
the provider said. How much they are worth stands in the profile file.
"""

from collections.abc import Mapping
from typing import Any, Final

from broker.assisted.case import Case, CheckRecord, EvidenceRecord, Outcome
from broker.model.assurance import EvidenceType, Level

KIND: Final = "own_device"
CONFIRMED: Final = "confirmed"
STRONGLY: Final = "confirmed_strongly"
MATCH: Final = "details_match"
"""The kind of evidence, and its checks, as the profile file names them."""

BY: Final = "broker"
"""Who recorded it, where members of staff stand otherwise."""


def device_evidence(
    case: Case, question: str, level: Level, way: str, claims: Mapping[str, Any], now: float
) -> EvidenceRecord:
    """The evidence of one confirmation: `question` is its id, `way` the name of the provider, for colleagues alone.

    The claims are held against the details that were recorded in the case, and forgotten.
    """
    answers = {
        CONFIRMED: True,
        STRONGLY: level >= Level.SUBSTANTIAL,
        MATCH: matches(case.details.claims, claims),
    }
    checks = tuple(CheckRecord(name, Outcome.YES if yes else Outcome.NO, BY, now) for name, yes in answers.items())
    return EvidenceRecord(f"q-{question}", KIND, EvidenceType.ELECTRONIC_RECORD, BY, now, {"way": way}, checks)


def matches(details: Mapping[str, str], claims: Mapping[str, Any]) -> bool:
    """Whether name and date of birth are the same, letter case and spaces aside. What is missing does not match."""
    known = {name: _plain(claims.get(name)) for name in ("given_name", "family_name", "birthdate", "name")}
    given, family, born = (_plain(details.get(name)) for name in ("given_name", "family_name", "birthdate"))
    if not (given and family and born) or known["birthdate"] != born:
        return False
    return (known["given_name"], known["family_name"]) == (given, family) or known["name"] == f"{given} {family}"


def _plain(value: Any) -> str:
    return " ".join(value.casefold().split()) if isinstance(value, str) else ""
