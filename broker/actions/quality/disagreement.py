"""Disagreement by agent: score sheets that do not bear the decision out, and made-up cases decided in another way.

Leads read every number. A file, which may leave the team, has what statistical disclosure control permits.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from broker.assisted.calibration import Exercise, MadeUpCase
from broker.assisted.case_records import Decision
from broker.assisted.disclosure import publish_part
from broker.assisted.quality import Mark, QualitySample

DECISION: Final = "decision"
"""The section of the score sheet that says if the decision follows from what was recorded."""


HEADINGS: Final = ("agent", "sheets", "decision_not_met", "made_up", "unexpected")
"""Columns of the file. A decision that is partly met counts as one that is not met."""


@dataclass(frozen=True, slots=True)
class AgentDisagreement:
    """The numbers of one agent.

    Of `sheets` score sheets the decision is not met in `not_met` and partly in `partly_met`. Of `made_up` decided
    made-up cases `unexpected` were decided in another way than expected, of which `approved` were approved.
    """

    agent: str
    sheets: int = 0
    not_met: int = 0
    partly_met: int = 0
    made_up: int = 0
    unexpected: int = 0
    approved: int = 0


def by_agent(
    scored: Iterable[QualitySample], answered: Iterable[Exercise], cases: Mapping[str, MadeUpCase]
) -> tuple[AgentDisagreement, ...]:
    """The numbers of each agent, those with most disagreement first. A made-up case that the file has no more counts
    as it was compared."""
    found: dict[str, AgentDisagreement] = {}
    for sample in scored:
        had = found.get(sample.agent, AgentDisagreement(sample.agent))
        mark = None if sample.sheet is None else sample.sheet.answers.get(DECISION)
        found[sample.agent] = replace(
            had,
            sheets=had.sheets + 1,
            not_met=had.not_met + (mark == Mark.NOT_MET),
            partly_met=had.partly_met + (mark == Mark.PARTLY),
        )
    for exercise in answered:
        if exercise.answer is None:
            continue
        had = found.get(exercise.member, AgentDisagreement(exercise.member))
        case, given = cases.get(exercise.item), exercise.answer.decision
        other = not exercise.answer.right if case is None else given is not case.decision
        found[exercise.member] = replace(
            had,
            made_up=had.made_up + 1,
            unexpected=had.unexpected + other,
            approved=had.approved + (other and given is Decision.APPROVE),
        )
    return tuple(sorted(found.values(), key=lambda one: (-one.not_met - one.unexpected, one.agent)))


def as_csv(rows: Iterable[AgentDisagreement]) -> str:
    """The numbers that may leave the team, as CSV (RFC 4180) with a header line. A number that is left out is empty."""
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\r\n")
    lines.writerow(HEADINGS)
    for one in sorted(rows, key=lambda row: row.agent):
        sheets = publish_part(one.sheets, one.not_met + one.partly_met)
        lines.writerow((one.agent, *sheets, *publish_part(one.made_up, one.unexpected)))
    return written.getvalue()
