"""Separation of duties: requester, agent and reviewer are three people, and some approvals need a second review."""

from enum import StrEnum

from broker.assisted.case import Case
from broker.assisted.case_records import CheckOutcome, Decision, Role, Verdict
from broker.assisted.deadlines import CasePolicy
from broker.assisted.former import CasePurpose
from broker.model.assurance import EvidenceType, Level

SENSITIVE = frozenset({"name", "given_name", "middle_name", "family_name", "birthdate"})
"""Claims whose correction requires a second review."""

REDRESS_ASKED = "redress_asked"
"""Name of the event in the history by which the citizen asks for a new look."""

_NOT_WORK = frozenset({"claimed", "review_claimed", "put_back"})


DESK_MARK = "desk:"
"""What the ids of agents of partner desks begin with; ids of staff have no colon."""


class SecondReviewReason(StrEnum):
    """Reasons for which an approval needs a second review."""

    DESK = "desk"
    HIGH_LEVEL = "high_level"
    VOUCH = "vouch"
    CHECK_NOT_DONE = "check_not_done"
    CORRECTED = "corrected"
    FLAGGED = "flagged"
    IN_TRAINING = "in_training"
    SEEN_BEFORE = "seen_before"
    DRAWN = "drawn"
    REBOUND = "rebound"


def second_review_reasons(
    case: Case, verdict: Verdict, alike: int, policy: CasePolicy, *, drawn: bool
) -> tuple[SecondReviewReason, ...]:
    """Reasons for which this verdict needs a second review. A desk only recommends: its verdict always has one. A
    decline of an agent has none but the random sample, `drawn`; other decisions have none at all.

    `alike` counts other cases with the same document or telephone number.
    """
    if verdict.decision is Decision.DECLINE and (drawn or is_desk(verdict.by)):
        return (SecondReviewReason.DESK if is_desk(verdict.by) else SecondReviewReason.DRAWN,)
    if verdict.decision is not Decision.APPROVE:
        return ()
    checks = [*case.checks, *(check for evidence in case.evidence for check in evidence.checks)]
    reasons = {
        SecondReviewReason.DESK: is_desk(verdict.by),
        SecondReviewReason.HIGH_LEVEL: verdict.level is not None and verdict.level >= Level.HIGH,
        SecondReviewReason.VOUCH: any(evidence.type is EvidenceType.VOUCH for evidence in case.evidence),
        SecondReviewReason.CHECK_NOT_DONE: any(c.outcome is CheckOutcome.COULD_NOT or c.overridden for c in checks)
        or any(move.event == "evidence_removed" for move in case.history),
        SecondReviewReason.CORRECTED: not SENSITIVE.isdisjoint(case.details.corrected),
        SecondReviewReason.FLAGGED: bool(case.flags),
        SecondReviewReason.IN_TRAINING: verdict.in_training,
        SecondReviewReason.SEEN_BEFORE: alike + 1 >= policy.repeated_use,
        SecondReviewReason.DRAWN: drawn,
        SecondReviewReason.REBOUND: case.purpose is CasePurpose.REBIND,
    }
    return tuple(reason for reason, holds in reasons.items() if holds)


def desk_id(client_id: str, agent: str) -> str:
    """Id of an agent of a partner desk in cases and audit rows."""
    return f"{DESK_MARK}{client_id}:{agent}"


def is_desk(who: str) -> bool:
    """Whether an id is that of an agent of a partner desk."""
    return who.startswith(DESK_MARK)


def holds(case: Case, who: str) -> bool:
    """Whether the lease is that of a member of staff, or of the desk of an agent: its colleagues continue a visit."""
    held = case.holder
    if held is not None and is_desk(held) and is_desk(who):
        return held.rpartition(":")[0] == who.rpartition(":")[0]
    return held == who


def participants(case: Case, role: Role) -> frozenset[str]:
    """Staff who worked on the case in a role, in any round. Taking a case and returning it at once does not count."""
    return frozenset(move.who for move in case.history if move.role is role and move.event not in _NOT_WORK)


def before_redress(case: Case) -> frozenset[str]:
    """Staff who had a part in a declined case before the citizen asked for a new look; none if they did not ask."""
    asked = max((place for place, move in enumerate(case.history) if move.event == REDRESS_ASKED), default=0)
    earlier = (move for move in case.history[:asked] if move.event not in _NOT_WORK)
    return frozenset(move.who for move in earlier if move.role in (Role.AGENT, Role.REVIEWER, Role.LEAD))


def may_be_agent(case: Case, who: str) -> bool:
    """Whether a member of staff may be the agent: not the requester, not a reviewer of any round, no conflict of
    interest, no part before a new look.
    """
    return (
        who != case.requester
        and not is_desk(who)
        and who not in case.conflicts_of_interest
        and who not in participants(case, Role.REVIEWER)
        and who not in before_redress(case)
    )


def may_be_reviewer(case: Case, who: str) -> bool:
    """Whether a member of staff may be the reviewer: not the requester, not an agent of any round, no conflict of
    interest, no part before a new look.
    """
    return (
        who not in (case.requester, case.agent)
        and not is_desk(who)
        and who not in case.conflicts_of_interest
        and who not in participants(case, Role.AGENT)
        and who not in before_redress(case)
    )


def may_lead(case: Case, who: str) -> bool:
    """Whether a member of staff may settle a held case: only without any other role in it."""
    return may_be_agent(case, who) and may_be_reviewer(case, who)
