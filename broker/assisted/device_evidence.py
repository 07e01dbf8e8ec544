"""Device evidence: the evidence that a sign-in confirmed on the citizen's own device gives to a case.

It is an electronic record whose checks are filled in from the provider's answer, not by a member of staff. The profile
file sets its scores.
"""

from collections.abc import Mapping
from typing import Final

from broker.assisted.case import Case
from broker.assisted.case_records import CheckOutcome, CheckRecord, EvidenceRecord
from broker.model.assurance import EvidenceType, Level
from broker.model.json_types import JsonObject
from broker.normalize.dates import partial_date
from broker.normalize.text import name_key

KIND: Final = "own_device"
CONFIRMED: Final = "confirmed"
STRONGLY: Final = "confirmed_strongly"
MATCH: Final = "details_match"
"""Kind of this evidence and names of its checks in the profile file."""

BY: Final = "broker"
"""Recorder of the evidence, in place of a staff id."""


def device_evidence(
    case: Case, question: str, level: Level, way: str, claims: JsonObject, now: float
) -> EvidenceRecord:
    """Builds the evidence of one confirmation. `question` is its id; `way` is the name of the provider, visible to
    staff only.

    The claims are compared with the details recorded in the case and not stored.
    """
    answers = {
        CONFIRMED: True,
        STRONGLY: level >= Level.SUBSTANTIAL,
        MATCH: matches(case.details.claims, claims),
    }
    checks = tuple(
        CheckRecord(name, CheckOutcome.YES if yes else CheckOutcome.NO, BY, now) for name, yes in answers.items()
    )
    return EvidenceRecord(f"q-{question}", KIND, EvidenceType.ELECTRONIC_RECORD, BY, now, {"way": way}, checks)


def matches(details: Mapping[str, str], claims: JsonObject) -> bool:
    """Whether claims and recorded details name the same person: same whole name and same date of birth.

    Names are compared by `name_key`. A person may have one name only; registers disagree on whether it is a
    given or a family name, so either is accepted. Partial dates are equal only if the same parts are unknown.
    """
    whole, born = _whole_name(details), _date(details.get("birthdate"))
    return bool(whole and born) and _date(claims.get("birthdate")) == born and whole in _whole_names(claims)


def _whole_name(details: Mapping[str, str]) -> str:
    return _joined(details, "given_name", "family_name")


def _whole_names(claims: JsonObject) -> frozenset[str]:
    """Whole names in the claims: composed of the parts, and `name` unless it has the parts in another order."""
    given, family, name = (_key(claims.get(part)) for part in ("given_name", "family_name", "name"))
    parts = {
        _joined(claims, "given_name", "family_name"),
        _joined(claims, "given_name", "middle_name", "family_name"),
    }
    if not (given and family):
        return frozenset({name} if name else parts)
    ordered = name.startswith(f"{given} ") and name.endswith(f" {family}")
    return frozenset(parts | {name} if ordered else parts)


def _joined(claims: JsonObject, *parts: str) -> str:
    return " ".join(key for part in parts if (key := _key(claims.get(part))))


def _key(value: object) -> str:
    return name_key(value) if isinstance(value, str) else ""


def _date(value: object) -> str | None:
    return partial_date(value) if isinstance(value, str) else None
