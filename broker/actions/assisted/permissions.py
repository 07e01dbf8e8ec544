"""Who may do what with a case: the PERMISSIONS table, read by the page that offers an action and by the write.

`check_permission` judges one reading of a case. The rules (`broker.assisted.transitions`, `separation_of_duties`) say
in which states an action is possible and who holds the lease: each row has the least demanding event of its action,
which the rules accept or refuse. The row adds the staff roles, the roles in the case, whether the sign-in has to be
recent, and conditions that the rules do not have.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from broker.actions.assisted.context import CaseRules
from broker.actions.assisted.staff_results import ActionRefused, CaseRole, RefusalReason, StaffAction
from broker.assisted import events as ev
from broker.assisted.appointment_rules import last_slot
from broker.assisted.case import Case
from broker.assisted.case_records import Appointment, Channel, Decision, IndependentReview, Review, Verdict
from broker.assisted.case_states import CaseState
from broker.assisted.contact_log import ContactAttempt, ContactChannel, ContactOutcome
from broker.assisted.device_evidence import device_evidence
from broker.assisted.former import FormerIdentity
from broker.assisted.queue import suits
from broker.assisted.renewing import matched
from broker.assisted.transitions import TransitionRefused, refusal
from broker.model.assurance import Level
from broker.model.staff import StaffMember, StaffRole

LOOK_UP_LIFE = 1800
"""How long (seconds) a case stays open to a member of staff who looked it up by its reference."""

Example = Callable[[Case, str, float], ev.Event]
Condition = Callable[[Case, StaffMember], RefusalReason | None]


def _no_condition(_case: Case, _member: StaffMember) -> RefusalReason | None:
    return None


@dataclass(frozen=True, slots=True)
class Permission:
    """Who may do one action, and when.

    One of `staff_roles` is needed, and a role in the case out of `case_roles`. `example` makes the action's least
    demanding event, of a case, a staff id and the time. `condition` returns a refusal that the rules do not know.
    `recent_sign_in` says that the member of staff must have signed in minutes ago (`StaffPrincipal.fresh_until`).
    """

    staff_roles: tuple[StaffRole, ...]
    case_roles: frozenset[CaseRole]
    example: Example
    condition: Condition = _no_condition
    recent_sign_in: bool = False


def role_in_case(case: Case, member: StaffMember, now: float) -> CaseRole:
    """The role of a member of staff in a case: by the lease, else by having looked the case up a moment ago."""
    if case.holder == member.id:
        return CaseRole.REVIEWER if case.state is CaseState.REVIEW else CaseRole.AGENT
    looked_up = any(
        move.event == "opened" and move.who == member.id and now < move.at + LOOK_UP_LIFE
        for move in reversed(case.history)
    )
    if not looked_up or case.requester == member.id or member.id in case.conflicts_of_interest:
        return CaseRole.NONE
    return CaseRole.OVERSEER if member.may(StaffRole.LEAD, StaffRole.AUDITOR) else CaseRole.VISITOR


def has_staff_role(member: StaffMember, action: StaffAction) -> bool:
    """Whether a staff role of the member allows an action at all."""
    return member.may(*PERMISSIONS[action].staff_roles)


def check_access(case: Case, member: StaffMember, action: StaffAction, now: float) -> RefusalReason | None:
    """The refusal by roles alone: a missing staff role, or a case that is not open to this member of staff."""
    if not has_staff_role(member, action):
        return ActionRefused.NOT_ALLOWED
    if CaseRole.NONE in PERMISSIONS[action].case_roles:
        return None
    return closed(case, member) if role_in_case(case, member, now) is CaseRole.NONE else None


def check_permission(
    rules: CaseRules, case: Case, member: StaffMember, action: StaffAction, now: float
) -> RefusalReason | None:
    """Why a member of staff may not do an action with this reading of a case; None if they may."""
    permission = PERMISSIONS[action]
    why = check_access(case, member, action, now)
    why = why or refusal(case, permission.example(case, member.id, now), now, rules.policy)
    if why is None and role_in_case(case, member, now) not in permission.case_roles:
        why = ActionRefused.NOT_ALLOWED
    return why or permission.condition(case, member)


def allowed_actions(rules: CaseRules, case: Case, member: StaffMember, now: float) -> frozenset[StaffAction]:
    """The actions that a page offers: those that `check_permission` does not refuse."""
    return frozenset(action for action in StaffAction if check_permission(rules, case, member, action, now) is None)


def closed(case: Case, member: StaffMember) -> ActionRefused:
    """Why a case is not open: LAPSED for the member of staff whose lease was the last thing to expire, else UNKNOWN."""
    if not case.history or case.history[-1].event != "lease_lapsed":
        return ActionRefused.UNKNOWN
    taken = (move.who for move in reversed(case.history) if move.event in ("claimed", "review_claimed"))
    return ActionRefused.LAPSED if next(taken, None) == member.id else ActionRefused.UNKNOWN


# --- conditions ---


def _suits(case: Case, member: StaffMember) -> RefusalReason | None:
    return None if suits(case, member) else ActionRefused.NOT_ALLOWED


def _speaks(case: Case, member: StaffMember) -> RefusalReason | None:
    return None if not member.languages or case.language in member.languages else ActionRefused.NOT_ALLOWED


def _phrase_not_verified(case: Case, _member: StaffMember) -> RefusalReason | None:
    return TransitionRefused.NOT_NOW if case.phrase_verified else None


def _passkey_not_confirmed(case: Case, _member: StaffMember) -> RefusalReason | None:
    unconfirmed = case.passkey is not None and case.passkey.confirmed is None
    return None if unconfirmed else TransitionRefused.NOT_NOW


def _not_compared(case: Case, _member: StaffMember) -> RefusalReason | None:
    return TransitionRefused.NOT_NOW if matched(case) else None


def _any_former(case: Case) -> FormerIdentity:
    """A kept identity that the rules cannot refuse for being another one."""
    return case.former or FormerIdentity("", "", Level.LOW, 0)


def _has_details(case: Case, _member: StaffMember) -> RefusalReason | None:
    return None if case.details.claims else TransitionRefused.NO_DETAILS


def _made(who: str, now: float) -> ContactAttempt:
    return ContactAttempt(who, now, ContactChannel.CALL, ContactOutcome.MADE)


# --- the table ---

_AGENT, _REVIEWER, _LEAD, _AUDITOR = StaffRole.AGENT, StaffRole.REVIEWER, StaffRole.LEAD, StaffRole.AUDITOR
_ANY_CASE_ROLE = frozenset(CaseRole)
_WITH_ACCESS = _ANY_CASE_ROLE - {CaseRole.NONE}
_HOLDER = frozenset({CaseRole.AGENT, CaseRole.REVIEWER})
_CASE_AGENT = frozenset({CaseRole.AGENT})
_CASE_REVIEWER = frozenset({CaseRole.REVIEWER})
_OVERSEER = frozenset({CaseRole.OVERSEER})
_FROM_LIST = frozenset({CaseRole.OVERSEER, CaseRole.NONE})
"""Roles of a lead who acts on a row of a list: the case need not be open to them, since nothing of it is shown."""

PERMISSIONS: Mapping[StaffAction, Permission] = MappingProxyType(
    {
        StaffAction.OPEN: Permission(
            (_AGENT, _REVIEWER, _LEAD, _AUDITOR), _ANY_CASE_ROLE, lambda _case, who, _now: ev.Opened(who, "")
        ),
        StaffAction.CLAIM: Permission(
            (_AGENT, _REVIEWER),
            _ANY_CASE_ROLE,
            lambda case, who, _now: ev.ReviewClaimed(who) if case.state is CaseState.REVIEW else ev.Claimed(who),
            _suits,
        ),
        StaffAction.RENEW: Permission((_AGENT, _REVIEWER), _HOLDER, lambda _case, who, _now: ev.Renewed(who)),
        StaffAction.RETURN_TO_QUEUE: Permission(
            (_AGENT, _REVIEWER), _HOLDER, lambda _case, who, _now: ev.Returned(who, "")
        ),
        StaffAction.CONTACT: Permission(
            (_AGENT,), _CASE_AGENT, lambda _case, who, now: ev.ContactTried(_made(who, now))
        ),
        StaffAction.START_SESSION: Permission(
            (_AGENT,), _CASE_AGENT, lambda _case, who, _now: ev.SessionStarted(who, Channel.VIDEO)
        ),
        StaffAction.VERIFY_PHRASE: Permission(
            (_AGENT,), _CASE_AGENT, lambda _case, who, _now: ev.WordsExchanged(who), _phrase_not_verified
        ),
        StaffAction.CONFIRM_PROMPTS: Permission(
            (_AGENT,), _CASE_AGENT, lambda _case, who, _now: ev.PromptsFollowed(who), _phrase_not_verified
        ),
        StaffAction.CONFIRM_PASSKEY: Permission(
            (_AGENT,),
            _CASE_AGENT,
            lambda case, who, _now: ev.PasskeyConfirmed(who, "" if case.passkey is None else case.passkey.digest),
            _passkey_not_confirmed,
        ),
        StaffAction.COMPARE: Permission(
            (_AGENT,), _CASE_AGENT, lambda case, who, _now: ev.FormerConfirmed(who, _any_former(case)), _not_compared
        ),
        StaffAction.RECORD: Permission((_AGENT,), _CASE_AGENT, lambda _case, who, _now: ev.ChecksRecorded(who, ())),
        StaffAction.ASK_CITIZEN: Permission(
            (_AGENT,),
            _CASE_AGENT,
            lambda case, _who, now: ev.DeviceConfirmed(device_evidence(case, "", Level.LOW, "", {}, now)),
            _has_details,
        ),
        StaffAction.END_SESSION: Permission((_AGENT,), _CASE_AGENT, lambda _case, who, _now: ev.SessionEnded(who)),
        StaffAction.DROP_SESSION: Permission(
            (_AGENT,), _CASE_AGENT, lambda _case, who, _now: ev.SessionDropped(who, "")
        ),
        StaffAction.DECIDE: Permission(
            (_AGENT,),
            _CASE_AGENT,
            lambda _case, who, now: ev.Decided(Verdict(who, now, Decision.DECLINE, ("",))),
            recent_sign_in=True,
        ),
        StaffAction.CORRECT: Permission((_AGENT,), _CASE_AGENT, lambda _case, who, _now: ev.Corrected(who)),
        StaffAction.INDEPENDENT_REVIEW: Permission(
            (_REVIEWER,),
            _CASE_REVIEWER,
            lambda _case, who, now: ev.IndependentReviewRecorded(IndependentReview(who, now, Decision.APPROVE)),
            recent_sign_in=True,
        ),
        StaffAction.REVIEW: Permission(
            (_REVIEWER,),
            _CASE_REVIEWER,
            lambda _case, who, now: ev.Reviewed(Review(who, now, agrees=True, reasons=("",))),
            recent_sign_in=True,
        ),
        StaffAction.REASSIGN: Permission((_LEAD,), _OVERSEER, lambda _case, who, _now: ev.Reassigned(who, "")),
        StaffAction.ASSIGN: Permission((_LEAD,), _FROM_LIST, lambda _case, who, _now: ev.Assigned(who, "", "")),
        StaffAction.HOLD: Permission((_LEAD,), _OVERSEER, lambda _case, who, _now: ev.Held(who, "")),
        StaffAction.END_HOLD: Permission((_LEAD,), _OVERSEER, lambda _case, who, _now: ev.HoldEnded(who, "")),
        StaffAction.NEW_TRIES: Permission(
            (_LEAD,), _OVERSEER, lambda _case, who, _now: ev.HoldEnded(who, "", approved=True)
        ),
        StaffAction.ANSWER_COMPLAINT: Permission(
            (_LEAD,), _OVERSEER, lambda _case, who, _now: ev.ComplaintAnswered(who, "")
        ),
        StaffAction.CALL_BACK: Permission(
            (_AGENT,), _ANY_CASE_ROLE, lambda _case, who, now: ev.CallBackStarted(who, "", now), _speaks
        ),
        StaffAction.CALL_MISSED: Permission(
            (_AGENT,), _ANY_CASE_ROLE, lambda _case, who, _now: ev.CallBackMissed(who, "")
        ),
        StaffAction.DECLINE_HELD: Permission(
            (_LEAD,), _OVERSEER, lambda _case, who, _now: ev.HoldDeclined(who, ("",)), recent_sign_in=True
        ),
        StaffAction.UNFREEZE: Permission(
            (_LEAD,), _OVERSEER, lambda _case, who, _now: ev.Unfrozen(who, ""), recent_sign_in=True
        ),
        StaffAction.REVOKE: Permission(
            (_LEAD,), _OVERSEER, lambda _case, who, _now: ev.Revoked(who, ""), recent_sign_in=True
        ),
        StaffAction.REASSIGN_IN_LIST: Permission((_LEAD,), _FROM_LIST, lambda _case, who, _now: ev.Reassigned(who, "")),
        StaffAction.HOLD_IN_LIST: Permission((_LEAD,), _FROM_LIST, lambda _case, who, _now: ev.Held(who, "")),
        StaffAction.END_HOLD_IN_LIST: Permission((_LEAD,), _FROM_LIST, lambda _case, who, _now: ev.HoldEnded(who, "")),
        StaffAction.ACKNOWLEDGE: Permission((_LEAD,), _FROM_LIST, lambda _case, who, _now: ev.Acknowledged(who)),
        StaffAction.ASK_LEAD: Permission((_AGENT, _REVIEWER), _HOLDER, lambda _case, who, _now: ev.LeadAsked(who, "")),
        StaffAction.ANSWER: Permission((_LEAD,), _OVERSEER, lambda _case, who, _now: ev.LeadAnswered(who, "")),
        StaffAction.FLAG: Permission(
            (_AGENT, _REVIEWER, _LEAD), _WITH_ACCESS, lambda _case, who, _now: ev.Flagged(who, "")
        ),
        StaffAction.DECLARE_INTEREST: Permission(
            (_AGENT, _REVIEWER, _LEAD), _WITH_ACCESS, lambda _case, who, _now: ev.InterestDeclared(who)
        ),
        StaffAction.NOTE: Permission(
            (_AGENT, _REVIEWER, _LEAD),
            _WITH_ACCESS - {CaseRole.VISITOR},
            lambda _case, who, _now: ev.Noted(who, ""),
        ),
        StaffAction.WITHDRAW_NOTICE: Permission(
            (_AGENT, _LEAD), frozenset({CaseRole.AGENT, CaseRole.OVERSEER}), lambda _case, who, _now: ev.Noted(who, "")
        ),
        StaffAction.BOOK: Permission(
            (_AGENT, _LEAD),
            _ANY_CASE_ROLE,
            lambda case, who, _now: ev.SlotMoved(who, Appointment("", "", 0, last_slot(case), last_slot(case))),
        ),
        StaffAction.CANCEL_BOOKING: Permission(
            (_AGENT, _LEAD), _ANY_CASE_ROLE, lambda _case, who, _now: ev.SlotReleased(who)
        ),
        StaffAction.NO_SHOW: Permission((_AGENT, _LEAD), _ANY_CASE_ROLE, lambda _case, who, _now: ev.NoShow(who)),
        StaffAction.WALK_IN: Permission((_AGENT, _LEAD), _ANY_CASE_ROLE, lambda _case, who, _now: ev.WalkedIn(who)),
    }
)
