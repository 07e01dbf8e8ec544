"""Connectors to sources that a program asks: which checks a source answers, and which values it gets. Pure rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from broker.assisted.case import Case
from broker.assisted.case_records import CheckOutcome, CheckRecord, EvidenceRecord, LookUp
from broker.assisted.profiles import Profiles
from broker.assisted.reasons import Reason
from broker.model.look_up import LookUpAnswer, LookUpQuestion
from broker.platform.toml_loader import Range, Seconds

OF_PERSON: Final = ("given_name", "family_name", "birthdate")
"""Values of the person that a source can get."""


@dataclass(frozen=True, slots=True)
class ConnectorSettings:
    """A source that is asked by a program when staff press for it, such as a register of stolen documents."""

    url: str
    """URL that takes a POST of `{"reference", "checks", "values"}` as JSON and answers `{"reference", "answers"}`: for
    each check true, false, or null if the source does not know."""
    lookup: str
    """The look-up in the profile file whose checks the source answers."""
    source: str
    """Name of the source, as staff and services read it."""
    sends: tuple[str, ...] = OF_PERSON
    """The values that the source gets, and no others: details of the person (`given_name`, `family_name`, `birthdate`)
    and, for a check of a document, `kind` and fields of its kind, such as `number`."""
    authorization_file: Path | None = None
    """The file that holds the value of the header `Authorization`, and nothing else."""
    timeout: Annotated[Seconds, Range(1, 30)] = 4
    """How long the source may take. A check that it does not answer can still be made by hand."""


def question(
    case: Case, settings: ConnectorSettings, profiles: Profiles, evidence: EvidenceRecord | None
) -> LookUpQuestion | None:
    """The question about a piece of evidence, or about the person. None if the source answers no check of it, or if
    nothing of what it gets is recorded yet.
    """
    lookup = profiles.lookups.get(settings.lookup)
    kind = None if evidence is None else profiles.kinds.get(evidence.kind)
    listed = profiles.person if evidence is None else () if kind is None else kind.checks
    checks = tuple(
        name
        for name in (() if lookup is None else lookup.checks)
        if name in listed and case.channel in profiles.checks[name].methods
    )
    known: dict[str, str] = {name: case.details.claims.get(name, "") for name in OF_PERSON}
    if evidence is not None:
        known |= {"kind": evidence.kind, **evidence.details}
    values = {name: known[name] for name in settings.sends if known.get(name)}
    return LookUpQuestion(case.reference, checks, values) if checks and values else None


def answered(
    asked: LookUpQuestion, answer: LookUpAnswer, settings: ConnectorSettings, by: str, now: float
) -> tuple[CheckRecord, ...]:
    """The checks as the source answered them. `by` is the member of staff who pressed for it."""
    found = LookUp(settings.lookup, settings.source, answer.reference, now, connector=True)
    return tuple(_check(name, answer.answers.get(name), found, by) for name in asked.checks)


def _check(name: str, yes: bool | None, found: LookUp, by: str) -> CheckRecord:  # noqa: FBT001
    if yes is None:
        return CheckRecord(name, CheckOutcome.COULD_NOT, by, found.at, Reason.SOURCE_DOWN, lookup=found)
    return CheckRecord(name, CheckOutcome.YES if yes else CheckOutcome.NO, by, found.at, lookup=found)


def with_checks(evidence: EvidenceRecord, checks: tuple[CheckRecord, ...]) -> EvidenceRecord:
    """The evidence with these checks in place of those of the same name."""
    names: Mapping[str, CheckRecord] = {check.check: check for check in checks}
    kept = tuple(check for check in evidence.checks if check.check not in names)
    return EvidenceRecord(
        evidence.id, evidence.kind, evidence.type, evidence.by, evidence.at, evidence.details, (*kept, *checks)
    )
