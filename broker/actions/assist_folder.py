"""A case as one member of staff may see it, and what they may do with it next."""

from collections.abc import Iterator
from dataclasses import replace

from broker.actions.assist_office import Office
from broker.actions.staff_outcomes import Deed, Folder, Part, Warned
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

ALLOWED: dict[Deed, tuple[StaffRole, ...]] = {
    Deed.CLAIM: (AGENT, REVIEWER),
    Deed.RENEW: (AGENT, REVIEWER),
    Deed.PUT_BACK: (AGENT, REVIEWER),
    Deed.START_SESSION: (AGENT,),
    Deed.EXCHANGE_WORDS: (AGENT,),
    Deed.RECORD: (AGENT,),
    Deed.ASK_CITIZEN: (AGENT,),
    Deed.END_SESSION: (AGENT,),
    Deed.DROP_SESSION: (AGENT,),
    Deed.DECIDE: (AGENT,),
    Deed.OWN_VIEW: (REVIEWER,),
    Deed.REVIEW: (REVIEWER,),
    Deed.TAKE_BACK: (LEAD,),
    Deed.HOLD: (LEAD,),
    Deed.END_HOLD: (LEAD,),
    Deed.DECLINE_HELD: (LEAD,),
    Deed.FLAG: WORKERS,
    Deed.DECLARE_INTEREST: WORKERS,
    Deed.NOTE: WORKERS,
    Deed.REVOKE: (LEAD,),
}
"""Which role each deed needs. An administrator decides no case and an auditor only reads."""

GRACE = 1800
"""How long (seconds) a case that was looked up by its reference stays open to who looked it up."""


def part(case: Case, member: StaffMember, now: float) -> Part | None:
    """As whom somebody may see the case now; None if they have no business with it."""
    if case.holder == member.id:
        return Part.REVIEWER if case.state is State.REVIEW else Part.AGENT
    looked_up = any(
        move.event == "opened" and move.who == member.id and now < move.at + GRACE for move in reversed(case.history)
    )
    if not looked_up or case.requester == member.id or member.id in case.interested:
        return None
    return Part.OVERSEER if member.may(LEAD, StaffRole.AUDITOR) else Part.VISITOR


def lapsed(case: Case, member: StaffMember) -> bool:
    """Whether the last thing that happened to the case is that this member's own lease ran out."""
    if not case.history or case.history[-1].event != "lease_lapsed":
        return False
    taken = (move for move in reversed(case.history) if move.event in ("claimed", "review_claimed"))
    return next((move.who for move in taken), None) == member.id


def folder(office: Office, case: Case, member: StaffMember, part: Part) -> Folder:
    """What one person may see of a case, and do."""
    assessment = assess(case, office.profiles)
    may = frozenset(_possible(office, case, member, part, assessment))
    hindrance = None
    if Deed.DECIDE in may or case.state is State.IN_SESSION:
        decided = ev.Decided(_verdict(member, Decision.APPROVE, assessment))
        wondering = replace(case, state=State.DECISION)
        hindrance = barred(wondering, decided, office.ambient.now(), office.terms)
    warned = tuple(_warnings(case, member)) if part is not Part.VISITOR else ()
    return Folder(shown(case, member, part), part, assessment, may, warned, hindrance)


def shown(case: Case, member: StaffMember, part: Part) -> Case:
    """The case without what this person must not see.

    A reviewer who has not given their own view sees neither the agent's verdict nor what the agent thought; an agent
    sees no flag of somebody else's; a visitor sees no personal data.
    """
    match part:
        case Part.OVERSEER:
            return case
        case Part.AGENT:
            return replace(case, flags=tuple(flag for flag in case.flags if flag.by == member.id))
        case Part.REVIEWER:
            return case if case.own_view is not None else _blind(case)
        case Part.VISITOR:
            return replace(_blind(erased(case)), flags=(), lease=case.lease)


def _blind(case: Case) -> Case:
    history = tuple(replace(m, reason="") if m.event in ("decided", "reviewed") else m for m in case.history)
    return replace(case, verdict=None, two_people=(), notes=(), history=history)


def _warnings(case: Case, member: StaffMember) -> Iterator[Warned]:
    claims = case.details.claims
    given, family = (name_key(claims.get(name, "")).split() for name in ("given_name", "family_name"))
    own = name_key(member.name).split()
    if own and (family or given) and own[-1] == (family or given)[-1]:
        yield Warned.SAME_NAME if (given or family)[0] == own[0] else Warned.SAME_FAMILY_NAME
    if case.safety.unsafe:
        yield Warned.UNSAFE_TO_CALL
    if case.safety.someone_with_me:
        yield Warned.SOMEONE_WITH_CITIZEN


def _verdict(member: StaffMember, decision: Decision, assessment: Assessment) -> Verdict:
    return Verdict(member.id, 0.0, decision, ("",), level=assessment.level)


def _possible(office: Office, case: Case, member: StaffMember, part: Part, assessment: Assessment) -> Iterator[Deed]:
    """The deeds that role, part and table leave open. What somebody is barred from only by what they type counts."""
    now, who = office.ambient.now(), member.id
    tried: dict[Deed, ev.Event] = {
        Deed.RENEW: ev.Renewed(who),
        Deed.PUT_BACK: ev.PutBack(who, ""),
        Deed.START_SESSION: ev.SessionStarted(who, Channel.VIDEO),
        Deed.EXCHANGE_WORDS: ev.WordsExchanged(who),
        Deed.RECORD: ev.ChecksRecorded(who, ()),
        Deed.ASK_CITIZEN: ev.DetailsRecorded(who, {}),
        Deed.END_SESSION: ev.SessionEnded(who),
        Deed.DROP_SESSION: ev.SessionDropped(who, ""),
        Deed.DECIDE: ev.Decided(_verdict(member, Decision.DECLINE, assessment)),
        Deed.OWN_VIEW: ev.ViewGiven(OwnView(who, now, Decision.APPROVE)),
        Deed.REVIEW: ev.Reviewed(Review(who, now, agrees=True, reasons=("",))),
        Deed.TAKE_BACK: ev.TakenBack(who, ""),
        Deed.HOLD: ev.Held(who, ""),
        Deed.END_HOLD: ev.HoldEnded(who, ""),
        Deed.DECLINE_HELD: ev.HoldDeclined(who, ("",)),
        Deed.FLAG: ev.Flagged(who, ""),
        Deed.DECLARE_INTEREST: ev.InterestDeclared(who),
        Deed.REVOKE: ev.Revoked(who, ""),
    }
    if suits(case, member):
        yield Deed.CLAIM
    if case.open and part is not Part.VISITOR and member.may(*WORKERS):
        yield Deed.NOTE
    for deed, event in tried.items():
        if member.may(*ALLOWED[deed]) and barred(case, event, now, office.terms) is None:
            yield deed


def refused_role(member: StaffMember, deed: Deed) -> bool:
    """Whether somebody's roles do not cover a deed."""
    return not member.may(*ALLOWED[deed])
