"""Outcomes: what became of the decisions of an agent, so that they learn from the second person and from a lead."""

from dataclasses import dataclass
from typing import Final

from broker.actions.assisted.context import CaseContext
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import ActionRefused
from broker.assisted.case import Case
from broker.assisted.case_records import HistoryEntry
from broker.assisted.case_states import CaseState
from broker.model.staff import StaffRole

MOST: Final = 20
"""Decisions that are shown at most."""

_READ: Final = 400
"""Audit rows of the agent that are read to find them."""

_NEWEST: Final = 2**62
_DECIDED: Final = "decided"
_FOLLOWED: Final = ("reviewed", "hold_ended", "hold_declined", "revoked", "disowned")
"""Events after a decision that say what others made of it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One decision of an agent: the event with its reasons, what followed, and the state of the case now.

    `waits` says that a second person has not looked at it yet. The second person is not named.
    """

    reference: str
    at: float
    decision: str
    followed: tuple[tuple[str, str], ...]
    waits: bool
    state: CaseState


async def outcomes(context: CaseContext, who: StaffPrincipal) -> tuple[Outcome, ...] | ActionRefused:
    """The last decisions of an agent, the newest first."""
    if not who.member.may(StaffRole.AGENT):
        return ActionRefused.NOT_ALLOWED
    acts = await context.stores.staff_audit.of_member(who.member.id, _NEWEST, _READ)
    decided = dict.fromkeys(act.case for act in acts if act.kind == f"case_{_DECIDED}" and act.case is not None)
    found = [await context.stores.cases.load(case) for case in list(decided)[:MOST]]
    return tuple(one for case in found if case is not None and (one := _outcome(case, who.member.id)) is not None)


def _outcome(case: Case, member: str) -> Outcome | None:
    """What became of the member's last decision in a case."""
    moves = case.history
    last = max((n for n, move in enumerate(moves) if move.event == _DECIDED and move.who == member), default=None)
    if last is None:
        return None
    after = _until_next_round(moves[last + 1 :])
    followed = tuple((move.event, move.reason) for move in after if move.event in _FOLLOWED)
    return Outcome(
        reference=case.reference,
        at=moves[last].at,
        decision=moves[last].reason,
        followed=followed,
        waits=case.state is CaseState.REVIEW and not followed,
        state=case.state,
    )


def _until_next_round(moves: tuple[HistoryEntry, ...]) -> tuple[HistoryEntry, ...]:
    """What happened before the next decision."""
    again = next((n for n, move in enumerate(moves) if move.event == _DECIDED), len(moves))
    return moves[:again]
