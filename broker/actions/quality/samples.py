"""The quality sample: score sheets by a second person, results for leads, and feedback for the agent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from broker.actions.assisted.context import CaseContext, load_case
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import ActionRefused
from broker.actions.quality.disagreement import AgentDisagreement, by_agent
from broker.assisted.case import Case
from broker.assisted.codes import lint_note
from broker.assisted.quality import QualitySample, SampleCounts, ScoreSheet, may_score, score, sheet_form
from broker.model.audit import AuditEvent
from broker.model.staff import StaffRole

SHOWN: Final = 50
"""Rows of a list at most."""

READ: Final = 2000
"""Score sheets from which averages are computed at most."""

SINCE: Final = 90 * 86400
"""Seconds back from now that results are of."""

LONGEST_REMARK: Final = 500


@dataclass(frozen=True, slots=True)
class AgentScore:
    """The score sheets of one agent: how many, their average, and the average of each section by its name."""

    agent: str
    sheets: int
    average: int
    sections: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class QualityView:
    """What waits for a score sheet; for leads also what was found in the last SINCE seconds."""

    waiting: tuple[QualitySample, ...]
    counts: SampleCounts | None = None
    scores: tuple[AgentScore, ...] = ()
    sheets: tuple[QualitySample, ...] = ()
    disagreement: tuple[AgentDisagreement, ...] = ()


@dataclass(frozen=True, slots=True)
class Quality:
    """What members of staff do with the quality sample."""

    context: CaseContext

    async def overview(self, who: StaffPrincipal) -> QualityView | ActionRefused:
        """For leads and second persons: the drawn cases of others that wait. For leads: the results."""
        if not who.member.may(StaffRole.LEAD, StaffRole.REVIEWER):
            return ActionRefused.NOT_ALLOWED
        store, now = self.context.stores.quality, self.context.system.now()
        waiting = [one for one in await store.open_samples(now, SHOWN) if one.agent != who.member.id]
        if not who.member.may(StaffRole.LEAD):
            return QualityView(tuple(waiting))
        found = await store.scored(self._since(), READ)
        counts = await store.sample_counts(self._since(), now)
        disagreement = await self._disagreement(found)
        return QualityView(tuple(waiting), counts, _by_agent(found), tuple(found[:SHOWN]), disagreement)

    async def disagreement(self, who: StaffPrincipal) -> Sequence[AgentDisagreement] | ActionRefused:
        """For leads: disagreement by agent in the last SINCE seconds."""
        if not who.member.may(StaffRole.LEAD):
            return ActionRefused.NOT_ALLOWED
        return await self._disagreement(await self.context.stores.quality.scored(self._since(), READ))

    async def _disagreement(self, scored: Sequence[QualitySample]) -> tuple[AgentDisagreement, ...]:
        answered = await self.context.stores.quality.answered(self._since(), READ)
        return by_agent(scored, answered, self.context.rules.made_up.cases)

    def _since(self) -> float:
        return self.context.system.now() - SINCE

    async def feedback(self, who: StaffPrincipal) -> Sequence[QualitySample]:
        """The score sheets of the decisions of a member of staff. Who filled them is left out."""
        found = await self.context.stores.quality.scored(self._since(), SHOWN, who.member.id)
        return tuple(replace(one, scorer=None) for one in found)

    async def look(self, who: StaffPrincipal, sample_id: str) -> tuple[QualitySample, Case] | ActionRefused:
        """A drawn case with what its decision rests on. The look is in the audit record first.

        UNKNOWN if there is no such sample, if it has a score sheet, or if its time is over. NOT_ALLOWED for a member of
        staff with a part in the case.
        """
        sample = await self.open_sample(who, sample_id)
        if isinstance(sample, ActionRefused) or sample.rests_on is None:
            return sample if isinstance(sample, ActionRefused) else ActionRefused.UNKNOWN
        await self.context.stores.audit.write([self._event("quality_looked", who, sample)])
        return sample, sample.rests_on

    async def fill(
        self, who: StaffPrincipal, sample_id: str, answers: Mapping[str, str], remark: str
    ) -> QualitySample | ActionRefused:
        """Writes the score sheet. REASON if a section has no answer, NOTE for a remark that is not kept."""
        sample = await self.open_sample(who, sample_id)
        if isinstance(sample, ActionRefused):
            return sample
        form, remark = sheet_form(), remark.strip()
        reached = score(form, answers)
        if reached is None:
            return ActionRefused.REASON
        if len(remark) > LONGEST_REMARK or lint_note(remark) is not None:
            return ActionRefused.NOTE
        filled = replace(
            sample,
            rests_on=None,
            scorer=who.member.id,
            scored=self.context.system.now(),
            score=reached,
            sheet=ScoreSheet(form.version, dict(answers), remark),
        )
        event = self._event("quality_scored", who, filled, score=str(reached), sheet=form.version)
        return filled if await self.context.stores.quality.write_score(filled, event) else ActionRefused.CONFLICT

    async def open_sample(self, who: StaffPrincipal, sample_id: str) -> QualitySample | ActionRefused:
        """A drawn case whose score sheet a member of staff may fill now."""
        if not who.member.may(StaffRole.LEAD, StaffRole.REVIEWER):
            return ActionRefused.NOT_ALLOWED
        sample, now = await self.context.stores.quality.sample(sample_id), self.context.system.now()
        if sample is None or sample.scored is not None or now >= sample.expires:
            return ActionRefused.UNKNOWN
        case = await load_case(self.context, sample.case)
        if case is None or not may_score(case, who.member.id):
            return ActionRefused.NOT_ALLOWED
        return sample

    def _event(self, kind: str, who: StaffPrincipal, sample: QualitySample, **details: str) -> AuditEvent:
        now, actor = self.context.system.now(), f"staff:{who.member.id}"
        return AuditEvent(kind, now, actor, case=sample.case, details={"sample": sample.id, **details})


def _by_agent(found: Sequence[QualitySample]) -> tuple[AgentScore, ...]:
    """The averages of each agent, the lowest first."""
    by_agent: dict[str, list[QualitySample]] = {}
    for one in found:
        by_agent.setdefault(one.agent, []).append(one)
    scores = [
        AgentScore(agent, len(own), _average([one.score or 0 for one in own]), _sections(own))
        for agent, own in by_agent.items()
    ]
    return tuple(sorted(scores, key=lambda one: (one.average, one.agent)))


def _sections(own: Sequence[QualitySample]) -> Mapping[str, int]:
    """The average of each section of the present sheet, without those to which it did not apply."""
    worth = {"met": 100, "partly": 50, "not_met": 0}
    given = {
        name: [worth[one.sheet.answers[name]] for one in own if one.sheet and one.sheet.answers.get(name) in worth]
        for name in sheet_form().sections
    }
    return {name: _average(values) for name, values in given.items() if values}


def _average(values: Sequence[int]) -> int:
    return round(sum(values) / len(values))
