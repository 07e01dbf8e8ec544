"""What it is worth to a case that somebody proved who they are on a device of their own, and confirmed it.

It is an electronic record like others, but one that no member of staff answers for: the checks are filled in by what
the provider said. How much they are worth stands in the profile file.
"""

from collections.abc import Mapping
from typing import Any, Final

from broker.assisted.case import Case, CheckOutcome, CheckRecord, EvidenceRecord
from broker.model.assurance import EvidenceType, Level
from broker.normalize.dates import partial_date
from broker.normalize.names import name_key

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
    checks = tuple(
        CheckRecord(name, CheckOutcome.YES if yes else CheckOutcome.NO, BY, now) for name, yes in answers.items()
    )
    return EvidenceRecord(f"q-{question}", KIND, EvidenceType.ELECTRONIC_RECORD, BY, now, {"way": way}, checks)


def matches(details: Mapping[str, str], claims: Mapping[str, Any]) -> bool:
    """Whether claims name the same person as the recorded details: the same whole name and the same date of birth.

    Names are compared as `normalize.names` does. A person may have one name only; registers disagree about whether it
    is a given or a family name, so it may stand in either. A date of which parts are unknown is the same only if the
    same parts are unknown: a birthday in 1977 is not any birthday in 1977.
    """
    whole, born = _whole_name(details), _date(details.get("birthdate"))
    return bool(whole and born) and _date(claims.get("birthdate")) == born and whole in _whole_names(claims)


def _whole_name(details: Mapping[str, str]) -> str:
    return _joined(details, "given_name", "family_name")


def _whole_names(claims: Mapping[str, Any]) -> frozenset[str]:
    """The whole names that claims say: made of the parts, and `name` unless it puts the parts in another order."""
    given, family, name = (_key(claims.get(part)) for part in ("given_name", "family_name", "name"))
    parts = {
        _joined(claims, "given_name", "family_name"),
        _joined(claims, "given_name", "middle_name", "family_name"),
    }
    if not (given and family):
        return frozenset({name} if name else parts)
    ordered = name.startswith(f"{given} ") and name.endswith(f" {family}")
    return frozenset(parts | {name} if ordered else parts)


def _joined(claims: Mapping[str, Any], *parts: str) -> str:
    return " ".join(key for part in parts if (key := _key(claims.get(part))))


def _key(value: Any) -> str:
    return name_key(value) if isinstance(value, str) else ""


def _date(value: Any) -> str | None:
    return partial_date(value) if isinstance(value, str) else None
