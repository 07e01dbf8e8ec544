"""Made-up cases: leads and members of staff ask for them, they come among the next cases, and are marked when answered.

Nothing of them is a case: no case row, no audit row of a case, no measure, no notice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from broker.actions.assisted.context import CaseContext
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import ActionRefused
from broker.actions.quality.samples import READ, SHOWN, SINCE
from broker.assisted.calibration import (
    Agreement,
    Exercise,
    MadeUpCase,
    by_kind,
    by_member,
    compare,
    next_items,
    unfit_evidence,
)
from broker.assisted.case_records import Decision
from broker.assisted.profiles import Profiles
from broker.assisted.reasons import DECISION_REASONS, valid_for
from broker.model import handle as handles
from broker.model.audit import AuditEvent
from broker.model.staff import StaffMember, StaffRole

MOST: Final = 5
"""Made-up cases that one press gives, and that wait for a member of staff, at most."""


@dataclass(frozen=True, slots=True)
class CalibrationView:
    """What a member of staff sees of calibration: how many of their own wait, those they answered, and for leads the
    agreement by member of staff and by kind of evidence.
    """

    waiting: int
    own: tuple[Exercise, ...]
    members: Mapping[str, Agreement]
    kinds: Mapping[str, Agreement]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What members of staff do with made-up cases."""

    context: CaseContext

    @property
    def _cases(self) -> Mapping[str, MadeUpCase]:
        return self.context.rules.made_up.cases

    @property
    def _profiles(self) -> Profiles:
        return self.context.rules.profiles

    async def overview(self, who: StaffPrincipal) -> CalibrationView | ActionRefused:
        """The page of a member of staff, of the last `SINCE` seconds."""
        if not who.member.may(StaffRole.AGENT, StaffRole.LEAD):
            return ActionRefused.NOT_ALLOWED
        store, since = self.context.stores.quality, self.context.system.now() - SINCE
        waiting = await store.waiting_exercises(who.member.id)
        own = await store.answered(since, SHOWN, who.member.id)
        members, kinds = await self.agreement() if who.member.may(StaffRole.LEAD) else ({}, {})
        return CalibrationView(len(waiting), tuple(own), members, kinds)

    async def agreement(self) -> tuple[Mapping[str, Agreement], Mapping[str, Agreement]]:
        """How many decisions of each member of staff, and checks of each kind of evidence, were as expected."""
        answered = await self.context.stores.quality.answered(self.context.system.now() - SINCE, READ)
        return by_member(answered), by_kind(answered)

    async def give(self, who: StaffPrincipal, to: StaffMember, count: int) -> int | ActionRefused:
        """Gives an agent made-up cases, up to MOST that wait: a lead to any agent, an agent to themselves. Returns how
        many. NOTHING if as many wait already, or if no made-up case fits the profile file.
        """
        own = to.id == who.member.id
        if not to.may(StaffRole.AGENT) or not (own or who.member.may(StaffRole.LEAD)):
            return ActionRefused.NOT_ALLOWED
        store, now = self.context.stores.quality, self.context.system.now()
        waiting = await store.waiting_exercises(to.id)
        count = min(count, MOST - len(waiting))
        if count < 1:
            return ActionRefused.NOTHING
        names = sorted(name for name in self._cases if not any(unfit_evidence(self._cases[name], self._profiles)))
        if not names:
            return ActionRefused.NOTHING
        before = [one.item for one in (*waiting, *await store.answered(0, READ, to.id))]
        start = int.from_bytes(self.context.system.random_bytes(4))
        items = next_items(names, before, count, start)
        given = [
            Exercise(handles.new_handle(self.context.system, size=16), to.id, item, who.member.id, now)
            for item in items
        ]
        details = {"member": to.id, "count": str(len(given))}
        event = AuditEvent("calibration_given", now, f"staff:{who.member.id}", details=details)
        await store.give(given, event)
        return len(given)

    async def next(self, who: StaffPrincipal) -> Exercise | None:
        """The made-up case that an agent gets before the next case; None if none waits."""
        if not who.member.may(StaffRole.AGENT):
            return None
        waiting = await self.context.stores.quality.waiting_exercises(who.member.id)
        return next((one for one in waiting if one.item in self._cases), None)

    async def look(self, who: StaffPrincipal, exercise_id: str) -> tuple[Exercise, MadeUpCase] | ActionRefused:
        """A made-up case, for the member of staff who has it, and for leads once it is answered."""
        exercise = await self.context.stores.quality.exercise(exercise_id)
        case = None if exercise is None else self._cases.get(exercise.item)
        if exercise is None or case is None:
            return ActionRefused.UNKNOWN
        read_by_lead = exercise.answered is not None and who.member.may(StaffRole.LEAD)
        return (exercise, case) if exercise.member == who.member.id or read_by_lead else ActionRefused.UNKNOWN

    async def answer(
        self,
        who: StaffPrincipal,
        exercise_id: str,
        decision: Decision,
        reasons: Sequence[str],
        checks: Mapping[str, str],
    ) -> Exercise | ActionRefused:
        """Writes an answer. REASON if a check has no answer, or for reasons that are not listed for the decision."""
        found = await self.look(who, exercise_id)
        if isinstance(found, ActionRefused):
            return found
        exercise, case = found
        if exercise.member != who.member.id or exercise.answered is not None:
            return ActionRefused.CONFLICT
        occasion = DECISION_REASONS.get(decision)
        given = compare(case, decision, reasons, checks)
        if given is None or (valid_for(occasion, *reasons) if occasion else not reasons) is False:
            return ActionRefused.REASON
        now = self.context.system.now()
        done = replace(exercise, answered=now, answer=given)
        details = {"item": exercise.item, "right": str(given.right).lower()}
        event = AuditEvent("calibration_answered", now, f"staff:{who.member.id}", details=details)
        return done if await self.context.stores.quality.write_answer(done, event) else ActionRefused.CONFLICT
