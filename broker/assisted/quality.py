"""Quality sample: which decided cases are drawn, and the score sheet that a second person fills for each.

A case is drawn by a keyed digest of its decision: no agent can tell beforehand which one, and the operator, who has the
key, can show afterwards that the draw was right. What the decision rests on is copied into the sample, since a case
loses its personal data as soon as the citizen used the identity; the copy goes with the score sheet, or with its time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Annotated

from broker.assisted.case import Case
from broker.assisted.case_records import Phrase, Verdict
from broker.assisted.case_states import CaseState
from broker.assisted.guide import Texts, read_guide
from broker.assisted.intake import Intake
from broker.assisted.separation_of_duties import may_lead
from broker.platform.toml_loader import Range

_DECIDED = (CaseState.APPROVED, CaseState.DECLINED)
_DECIDING = (CaseState.DECISION, CaseState.REVIEW)


class Mark(StrEnum):
    """Answers of a score sheet. A section that does not apply is left out of the score."""

    MET = "met"
    PARTLY = "partly"
    NOT_MET = "not_met"
    NOT_APPLICABLE = "not_applicable"


_WORTH = {Mark.MET: 1.0, Mark.PARTLY: 0.5, Mark.NOT_MET: 0.0}


@dataclass(frozen=True, slots=True)
class ScoreSheet:
    """A filled score sheet: its version, a `Mark` by section, and a remark for the agent."""

    version: str
    answers: Mapping[str, str]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class QualitySample:
    """A decided case that was drawn. Times are seconds since 1970 UTC.

    `id` is a keyed digest of the decision. `agent` decided. `rests_on` is the case as it was decided, without how the
    citizen is reached; it is None with a score sheet, or after `expires`. `scorer`, `scored` and `score` (0 to 100) are
    set with the sheet.
    """

    id: str
    case: str
    reference: str
    agent: str
    decision: str
    drawn: float
    expires: float
    scorer: str | None = None
    scored: float | None = None
    score: int | None = None
    sheet: ScoreSheet | None = None
    rests_on: Case | None = None


@dataclass(frozen=True, slots=True)
class SampleCounts:
    """How many cases were drawn, how many of them have a score sheet, and for how many it is too late."""

    drawn: int
    scored: int
    missed: int


@dataclass(frozen=True, slots=True)
class SheetSection:
    """A section of the score sheet. With `critical` the score is 0 if it is not met."""

    title: Texts
    text: Texts
    weight: Annotated[int, Range(1, 100)]
    critical: bool = False


@dataclass(frozen=True, slots=True)
class SheetForm:
    """The score sheet: its sections by name."""

    version: str
    sections: Mapping[str, SheetSection]


@cache
def sheet_form() -> SheetForm:
    """The score sheet of the package. Raises ValueError if the file is invalid."""
    return read_guide("quality.toml", SheetForm)


def score(form: SheetForm, answers: Mapping[str, str]) -> int | None:
    """The score (0 to 100) of a sheet; None if a section has no answer, or if none applies."""
    if set(answers) != set(form.sections) or not set(answers.values()) <= set(Mark):
        return None
    given = {name: Mark(answer) for name, answer in answers.items()}
    if any(form.sections[name].critical and mark is Mark.NOT_MET for name, mark in given.items()):
        return 0
    counted = [(form.sections[name].weight, _WORTH[mark]) for name, mark in given.items() if mark in _WORTH]
    total = sum(weight for weight, _ in counted)
    return round(100 * sum(weight * worth for weight, worth in counted) / total) if total else None


def new_decision(before: Case, after: Case) -> Verdict | None:
    """The verdict that took effect between two readings of a case as an approval or a decline; None if none did."""
    took_effect = before.state in _DECIDING and after.state in _DECIDED
    return after.verdict if took_effect else None


def drawn(mark: str, share: float) -> bool:
    """Whether a keyed digest (hexadecimal) falls into the share of the decisions that are drawn."""
    return int(mark[:16], 16) < share * 2**64


def sample(case: Case, verdict: Verdict, mark: str, now: float, within: float) -> QualitySample:
    """The sample of a decision, whose score sheet is filled within some seconds."""
    bare = replace(
        case,
        phrase=Phrase("", ""),
        contact=None,
        second_contact=None,
        intake=Intake(),
        confirmation=None,
        continuation=None,
        passkey=None,
        threads=(),
        flags=(),
    )
    return QualitySample(
        mark[:32], case.id, case.reference, verdict.by, verdict.decision, now, now + within, rests_on=bare
    )


def may_score(case: Case, who: str) -> bool:
    """Whether a member of staff may fill the score sheet of a case: only without any part in it."""
    return may_lead(case, who)
