"""Erasure of the personal data of a case that is over."""

from dataclasses import replace

from broker.assisted.case import Case
from broker.assisted.case_records import CheckRecord, Details, Phrase
from broker.assisted.intake import Intake


def erased(case: Case) -> Case:
    """Erases the personal data. History, outcomes of checks and fingerprints stay for audit."""
    evidence = tuple(replace(one, details={}, checks=_without_reasons(one.checks)) for one in case.evidence)
    return replace(
        case,
        phrase=Phrase("", ""),
        contact=None,
        second_contact=None,
        intake=Intake(),
        appointment=None,
        confirmation=None,
        continuation=None,
        call=None,
        room=None,
        passkey=None,
        former=None,
        unsettled=None,
        complaint=None,
        lease=None,
        details=Details(corrected=case.details.corrected),
        evidence=evidence,
        checks=_without_reasons(case.checks),
        notes=(),
        threads=(),
        verdict=replace(case.verdict, note="") if case.verdict else None,
        independent_review=replace(case.independent_review, note="") if case.independent_review else None,
        review=replace(case.review, note="") if case.review else None,
        erased=True,
    )


def _without_reasons(checks: tuple[CheckRecord, ...]) -> tuple[CheckRecord, ...]:
    return tuple(replace(check, reason=None, lookup=None) for check in checks)
