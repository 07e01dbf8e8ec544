"""What staff record again: details that differ from the first record, and checks with another outcome."""

from collections.abc import Mapping
from dataclasses import replace

from broker.assisted.case_records import CheckRecord, Details, EvidenceRecord
from broker.normalize.text import fold, name_key


def with_corrections(before: Details, claims: Mapping[str, str], by: str, now: float) -> Details:
    changed = {claim for claim, value in before.claims.items() if not same_value(claim, value, claims.get(claim, ""))}
    return Details(dict(claims), tuple(sorted(changed | set(before.corrected))), by, now)


def same_value(claim: str, before: str, after: str) -> bool:
    """Whether two values of a detail are equal apart from spelling."""
    key = name_key if claim.endswith("name") else fold
    return key(before) == key(after)


def with_overrides(evidence: EvidenceRecord, before: EvidenceRecord | None) -> EvidenceRecord:
    known = {check.check: check for check in before.checks} if before else {}
    return replace(evidence, checks=tuple(with_override(check, known.get(check.check)) for check in evidence.checks))


def with_override(check: CheckRecord, before: CheckRecord | None) -> CheckRecord:
    if before is None:
        return check
    return replace(check, overridden=before.overridden or before.outcome is not check.outcome)
