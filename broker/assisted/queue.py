"""Queue of cases: assigns the next case to a member of staff. Staff do not choose cases."""

from collections.abc import Iterable

from broker.assisted.case import Case
from broker.assisted.case_states import CaseState
from broker.assisted.separation_of_duties import may_be_agent, may_be_reviewer
from broker.model.staff import StaffMember, StaffRole


def suits(case: Case, member: StaffMember) -> bool:
    """Whether a member of staff may take the case now: role, language and channel fit, and they have no other role in
    it.
    """
    speaks = not member.languages or case.language in member.languages
    serves = not member.channels or case.channel is None or case.channel in member.channels
    match case.state:
        case CaseState.QUEUED:
            return member.may(StaffRole.AGENT) and speaks and serves and may_be_agent(case, member.id)
        case CaseState.REVIEW:
            return (
                member.may(StaffRole.REVIEWER)
                and not member.in_training
                and case.lease is None
                and may_be_reviewer(case, member.id)
            )
        case _:
            return False


def in_turn(cases: Iterable[Case], member: StaffMember) -> list[Case]:
    """Sorts the cases a member of staff may take: late reviews, then the earliest deadline, then the longest wait."""
    return sorted(
        (case for case in cases if suits(case, member)),
        key=lambda case: (not case.late, case.deadline or case.expires, case.queued or case.created, case.id),
    )
