"""Queue of cases: assigns the next case to a member of staff. Staff do not choose cases."""

from collections.abc import Iterable
from dataclasses import dataclass

from broker.assisted.case import Case
from broker.assisted.case_row import CaseFlag, flags_of
from broker.assisted.case_states import CaseState
from broker.assisted.separation_of_duties import may_be_agent, may_be_reviewer
from broker.model.staff import StaffMember, StaffRole


@dataclass(frozen=True, slots=True)
class Worker:
    """A member of staff as the query for the next case sees them (`worker`). `languages` and `channels` limit the
    cases; empty: all.
    """

    member: str
    agent: bool
    reviewer: bool
    languages: tuple[str, ...]
    channels: tuple[str, ...]
    skilled: bool


def worker(member: StaffMember) -> Worker:
    """What the query for the next case has to know of a member of staff. Its answers still have to pass `suits`."""
    return Worker(
        member.id,
        agent=member.may(StaffRole.AGENT),
        reviewer=member.may(StaffRole.REVIEWER) and not member.in_training,
        languages=member.languages,
        channels=member.channels,
        skilled=bool(member.skills),
    )


def suits(case: Case, member: StaffMember) -> bool:
    """Whether a member of staff may take the case now: it waits without a holder, and is one for them (`is_for`)."""
    waits = case.state is CaseState.QUEUED or (case.state is CaseState.REVIEW and case.lease is None)
    return waits and is_for(case, member)


def is_for(case: Case, member: StaffMember) -> bool:
    """Whether a case, held or not, is one for the member of staff: role, language, channel and training fit, and they
    have no other role in it.
    """
    speaks = not member.languages or case.language in member.languages
    serves = not member.channels or case.channel is None or case.channel in member.channels
    trained = bool(member.skills) or CaseFlag.SKILL not in flags_of(case)
    if case.state is CaseState.REVIEW:
        return member.may(StaffRole.REVIEWER) and not member.in_training and may_be_reviewer(case, member.id)
    return member.may(StaffRole.AGENT) and speaks and serves and trained and may_be_agent(case, member.id)


def in_turn(cases: Iterable[Case], member: StaffMember) -> list[Case]:
    """Sorts the cases a member of staff may take: late reviews, then the earliest deadline, then the longest wait."""
    return sorted(
        (case for case in cases if suits(case, member)),
        key=lambda case: (not case.late, case.deadline or case.expires, case.queued or case.created, case.id),
    )
