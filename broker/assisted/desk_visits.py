"""Visits at partner desks: what accepting a case, a photograph and a recommendation change in it."""

from dataclasses import replace
from typing import Final

from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Channel, DeskVisit
from broker.assisted.case_states import CaseState
from broker.assisted.deadlines import CasePolicy
from broker.assisted.meeting import kept_open
from broker.assisted.separation_of_duties import is_desk, second_review_reasons

CITIZEN: Final = "citizen"
"""Requester of a case that the citizen opened."""


def at_counter(
    case: Case, event: ev.DeskAccepted | ev.DeskFileReceived | ev.Recommended, now: float, policy: CasePolicy
) -> tuple[Case, CaseState | None, str]:
    """Applies an event of a desk. Returns the case, the state to enter (None to stay), and the reason."""
    match event:
        case ev.DeskAccepted(visit):
            return _accepted(case, visit, now), CaseState.IN_SESSION, visit.location
        case ev.DeskFileReceived(_, file):
            return _received(case, file, now), None, file
        case ev.Recommended(verdict):
            after = _recommended(case, event, policy)
            words = (verdict.decision, *verdict.reasons, *after.second_review_reasons)
            return after, CaseState.REVIEW, " ".join(words)


def _accepted(case: Case, visit: DeskVisit, now: float) -> Case:
    """The case at a desk, whose agent is its requester. Staff who opened it for the citizen stay that. An appointment
    elsewhere is given up, and so is the closing of the request; a case that was not queued before has waited since it
    was asked for.
    """
    opened = case.requester != CITIZEN and not is_desk(case.requester)
    return replace(
        kept_open(case),
        desk=visit,
        requester=case.requester if opened else visit.by,
        channel=Channel.IN_PERSON,
        appointment=None,
        lease=now + visit.lease,
        queued=case.changed if case.queued is None else case.queued,
        queue_round=case.queue_round + (case.state is not CaseState.QUEUED),
    )


def _received(case: Case, file: str, now: float) -> Case:
    """A photograph belongs to the visit, and is a step of it."""
    if case.desk is None:
        raise ValueError("the case is at no desk")
    visit = replace(case.desk, files=(*case.desk.files, file))
    return replace(case, desk=visit, lease=now + visit.lease)


def _recommended(case: Case, event: ev.Recommended, policy: CasePolicy) -> Case:
    """A recommendation waits for a reviewer, as the decision of an agent does that needs a second person."""
    left = None if case.desk is None else replace(case.desk, final=event.final, ended=True)
    two = second_review_reasons(case, event.verdict, event.alike, policy, drawn=False)
    return replace(case, desk=left, verdict=event.verdict, lease=None, second_review_reasons=two)
