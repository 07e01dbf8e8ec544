"""A case as one member of staff may see it, and what they may do with it next."""

from collections.abc import Iterator
from dataclasses import replace

from broker.actions.assisted.context import CaseContext
from broker.actions.assisted.staff_results import CaseRole, CaseView, CaseWarning, StaffAction
from broker.assisted import events as ev
from broker.assisted.case import Case, Channel, Decision, OwnView, Review, State, Verdict
from broker.assisted.effects import erased
from broker.assisted.levels import Assessment, assess
from broker.assisted.queue import suits
from broker.assisted.table import barred
from broker.model.staff import StaffMember, StaffRole
from broker.normalize.names import name_key

LEAD, AGENT, REVIEWER = StaffRole.LEAD, StaffRole.AGENT, StaffRole.REVIEWER
WORKERS = (AGENT, REVIEWER, LEAD)

ALLOWED: dict[StaffAction, tuple[StaffRole, ...]] = {
    StaffAction.CLAIM: (AGENT, REVIEWER),
    StaffAction.RENEW: (AGENT, REVIEWER),
    StaffAction.RETURN_TO_QUEUE: (AGENT, REVIEWER),
    StaffAction.START_SESSION: (AGENT,),
    StaffAction.VERIFY_PHRASE: (AGENT,),
    StaffAction.RECORD: (AGENT,),
    StaffAction.ASK_CITIZEN: (AGENT,),
    StaffAction.END_SESSION: (AGENT,),
    StaffAction.DROP_SESSION: (AGENT,),
    StaffAction.DECIDE: (AGENT,),
    StaffAction.INDEPENDENT_REVIEW: (REVIEWER,),
    StaffAction.REVIEW: (REVIEWER,),
    StaffAction.REASSIGN: (LEAD,),
    StaffAction.HOLD: (LEAD,),
    StaffAction.END_HOLD: (LEAD,),
    StaffAction.DECLINE_HELD: (LEAD,),
    StaffAction.FLAG: WORKERS,
    StaffAction.DECLARE_INTEREST: WORKERS,
    StaffAction.NOTE: WORKERS,
    StaffAction.REVOKE: (LEAD,),
}
"""Which role each deed needs. An administrator decides no case and an auditor only reads."""

GRACE = 1800
"""How long (seconds) a case that was looked up by its reference stays open to who looked it up."""


def role_in_case(case: Case, member: StaffMember, now: float) -> CaseRole | None:
    """As whom somebody may see the case now; None if they have no business with it."""
    if case.holder == member.id:
        return CaseRole.REVIEWER if case.state is State.REVIEW else CaseRole.AGENT
    looked_up = any(
        move.event == "opened" and move.who == member.id and now < move.at + GRACE for move in reversed(case.history)
    )
    if not looked_up or case.requester == member.id or member.id in case.interested:
        return None
    return CaseRole.OVERSEER if member.may(LEAD, StaffRole.AUDITOR) else CaseRole.VISITOR


def lapsed(case: Case, member: StaffMember) -> bool:
    """Whether the last thing that happened to the case is that this member's own lease ran out."""
    if not case.history or case.history[-1].event != "lease_lapsed":
        return False
    taken = (move for move in reversed(case.history) if move.event in ("claimed", "review_claimed"))
    return next((move.who for move in taken), None) == member.id


def case_view(context: CaseContext, case: Case, member: StaffMember, role: CaseRole) -> CaseView:
    """What one person may see of a case, and do."""
    assessment = assess(case, context.profiles)
    may = frozenset(_allowed_actions(context, case, member, role, assessment))
    approval_refused = None
    if StaffAction.DECIDE in may or case.state is State.IN_SESSION:
        decided = ev.Decided(_verdict(member, Decision.APPROVE, assessment))
        wondering = replace(case, state=State.DECISION)
        approval_refused = barred(wondering, decided, context.ambient.now(), context.terms)
    warned = tuple(_warnings(case, member)) if role is not CaseRole.VISITOR else ()
    return CaseView(redact_for(case, member, role), role, assessment, may, warned, approval_refused)


def redact_for(case: Case, member: StaffMember, role: CaseRole) -> Case:
    """The case without what this person must not see.

    A reviewer who has not given their own view sees neither the agent's verdict nor what the agent thought; an agent
    sees no flag of somebody else's; a visitor sees no personal data.
    """
    match role:
        case CaseRole.OVERSEER:
            return case
        case CaseRole.AGENT:
            return replace(case, flags=tuple(flag for flag in case.flags if flag.by == member.id))
        case CaseRole.REVIEWER:
            return case if case.own_view is not None else _blind(case)
        case CaseRole.VISITOR:
            return replace(_blind(erased(case)), flags=(), lease=case.lease)


def _blind(case: Case) -> Case:
    history = tuple(replace(m, reason="") if m.event in ("decided", "reviewed") else m for m in case.history)
    return replace(case, verdict=None, two_people=(), notes=(), history=history)


def _warnings(case: Case, member: StaffMember) -> Iterator[CaseWarning]:
    claims = case.details.claims
    given, family = (name_key(claims.get(name, "")).split() for name in ("given_name", "family_name"))
    own = name_key(member.name).split()
    if own and (family or given) and own[-1] == (family or given)[-1]:
        yield CaseWarning.SAME_NAME if (given or family)[0] == own[0] else CaseWarning.SAME_FAMILY_NAME
    if case.safety.unsafe:
        yield CaseWarning.UNSAFE_TO_CALL
    if case.safety.someone_with_me:
        yield CaseWarning.SOMEONE_WITH_CITIZEN


def _verdict(member: StaffMember, decision: Decision, assessment: Assessment) -> Verdict:
    return Verdict(member.id, 0.0, decision, ("",), level=assessment.level)


def _allowed_actions(
    context: CaseContext, case: Case, member: StaffMember, role: CaseRole, assessment: Assessment
) -> Iterator[StaffAction]:
    """The deeds that role, part and table leave open. What somebody is barred from only by what they type counts."""
    now, who = context.ambient.now(), member.id
    tried: dict[StaffAction, ev.Event] = {
        StaffAction.RENEW: ev.Renewed(who),
        StaffAction.RETURN_TO_QUEUE: ev.PutBack(who, ""),
        StaffAction.START_SESSION: ev.SessionStarted(who, Channel.VIDEO),
        StaffAction.VERIFY_PHRASE: ev.WordsExchanged(who),
        StaffAction.RECORD: ev.ChecksRecorded(who, ()),
        StaffAction.ASK_CITIZEN: ev.DetailsRecorded(who, {}),
        StaffAction.END_SESSION: ev.SessionEnded(who),
        StaffAction.DROP_SESSION: ev.SessionDropped(who, ""),
        StaffAction.DECIDE: ev.Decided(_verdict(member, Decision.DECLINE, assessment)),
        StaffAction.INDEPENDENT_REVIEW: ev.ViewGiven(OwnView(who, now, Decision.APPROVE)),
        StaffAction.REVIEW: ev.Reviewed(Review(who, now, agrees=True, reasons=("",))),
        StaffAction.REASSIGN: ev.TakenBack(who, ""),
        StaffAction.HOLD: ev.Held(who, ""),
        StaffAction.END_HOLD: ev.HoldEnded(who, ""),
        StaffAction.DECLINE_HELD: ev.HoldDeclined(who, ("",)),
        StaffAction.FLAG: ev.Flagged(who, ""),
        StaffAction.DECLARE_INTEREST: ev.InterestDeclared(who),
        StaffAction.REVOKE: ev.Revoked(who, ""),
    }
    if suits(case, member):
        yield StaffAction.CLAIM
    if case.open and role is not CaseRole.VISITOR and member.may(*WORKERS):
        yield StaffAction.NOTE
    for deed, event in tried.items():
        if member.may(*ALLOWED[deed]) and barred(case, event, now, context.terms) is None:
            yield deed


def lacks_role(member: StaffMember, deed: StaffAction) -> bool:
    """Whether somebody's roles do not cover a deed."""
    return not member.may(*ALLOWED[deed])
