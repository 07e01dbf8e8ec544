"""What a lead does with rows of a list: reassign, give to a colleague, hold, let go on.

Nothing of a case is shown for it, so the case need not be open to the lead. Each case is a write of its own, judged by
the table of permissions and by the rules, with its own audit row: a case that was changed meanwhile is left as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from broker.actions.assisted.context import CaseContext
from broker.actions.assisted.editing import edit_case
from broker.actions.assisted.staff_login import StaffActor
from broker.actions.assisted.staff_results import ActionRefused, CaseRef, CaseView, EditRefused, StaffAction
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import HoldReason
from broker.assisted.case_row import CaseFilter, CaseFlag
from broker.assisted.case_states import CaseState
from broker.assisted.codes import phrase
from broker.assisted.holds import may_return_to_approved
from broker.assisted.queue import is_for
from broker.assisted.reasons import ReasonContext, valid_for
from broker.assisted.transitions import TransitionRefused
from broker.model.staff import StaffMember, StaffRole


class RowAction(StrEnum):
    """What a lead can do with rows."""

    REASSIGN = "reassign"
    ASSIGN = "assign"
    HOLD = "hold"
    END_HOLD = "end_hold"
    ACKNOWLEDGE = "acknowledge"


_ACTIONS: Final = {
    RowAction.REASSIGN: (StaffAction.REASSIGN_IN_LIST, ReasonContext.TAKE_BACK),
    RowAction.ASSIGN: (StaffAction.ASSIGN, ReasonContext.TAKE_BACK),
    RowAction.HOLD: (StaffAction.HOLD_IN_LIST, ReasonContext.HOLD),
    RowAction.END_HOLD: (StaffAction.END_HOLD_IN_LIST, ReasonContext.END_HOLD),
    RowAction.ACKNOWLEDGE: (StaffAction.ACKNOWLEDGE, None),
}


def reasons_for(action: RowAction) -> ReasonContext | None:
    """Which reasons an action takes; None: none."""
    return _ACTIONS[action][1]


@dataclass(frozen=True, slots=True)
class RowOrder:
    """What to do with rows, and why. `to` is the member of staff who gets them, for ASSIGN. With `incident` only
    the holds for an incident end.
    """

    action: RowAction
    reason: str
    to: StaffMember | None = None
    incident: bool = False


@dataclass(frozen=True, slots=True)
class RowsDone:
    """How many cases were changed, and how many were left as they are."""

    done: int
    left: int


async def act_on_rows(
    context: CaseContext, who: StaffActor, order: RowOrder, refs: Sequence[CaseRef]
) -> RowsDone | ActionRefused:
    """Does it with each of these cases. REASON for a reason that the action does not take."""
    if not who.member.may(StaffRole.LEAD):
        return ActionRefused.NOT_ALLOWED
    occasion = reasons_for(order.action)
    if occasion is not None and not valid_for(occasion, order.reason):
        return ActionRefused.REASON
    results = [await _act(context, who, order, ref) for ref in refs]
    done = sum(isinstance(result, CaseView) for result in results)
    return RowsDone(done, len(results) - done)


def touched(action: RowAction, want: CaseFilter) -> CaseFilter:
    """The cases of a filter that an action for an incident changes: those that are not held, or those that an incident
    holds.
    """
    if action is RowAction.END_HOLD:
        return replace(want, state=CaseState.HELD, flags=CaseFlag.INCIDENT)
    return replace(want, going=True)


async def _act(context: CaseContext, who: StaffActor, order: RowOrder, ref: CaseRef) -> CaseView | EditRefused:
    async def make(case: Case) -> ev.ByStaff | EditRefused:
        return _event(context, case, who.member.id, order)

    return await edit_case(context, who, _ACTIONS[order.action][0], ref, make)


def _event(context: CaseContext, case: Case, by: str, order: RowOrder) -> ev.ByStaff | EditRefused:
    match order.action:
        case RowAction.REASSIGN:
            return ev.Reassigned(by, order.reason)
        case RowAction.HOLD:
            return ev.Held(by, order.reason)
        case RowAction.ACKNOWLEDGE:
            return ev.Acknowledged(by)
        case RowAction.END_HOLD:
            if order.incident and (case.hold is None or case.hold.reason is not HoldReason.INCIDENT):
                return TransitionRefused.NOT_NOW
            if may_return_to_approved(case):
                return ev.HoldEnded(by, order.reason, approved=True)
            return ev.HoldEnded(by, order.reason, phrase(context.system.random_bytes))
        case RowAction.ASSIGN:
            if order.to is None or not is_for(case, order.to):
                return TransitionRefused.SAME_PERSON
            return ev.Assigned(by, order.to.id, order.reason)
