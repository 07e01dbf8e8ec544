"""PERMISSIONS in every state of a case, for every role, compared with the policy written out by hand."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, combinations

import pytest

from broker.actions.assisted.context import CaseRules
from broker.actions.assisted.permissions import LOOK_UP_LIFE, PERMISSIONS, allowed_actions, role_in_case
from broker.actions.assisted.staff_results import CaseRole, StaffAction
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import (
    Channel,
    Complaint,
    Contact,
    ContactMethod,
    Decision,
    Details,
    Flag,
    IndependentReview,
    Thread,
    Verdict,
)
from broker.assisted.case_states import OPEN, CaseState
from broker.assisted.deadlines import CasePolicy
from broker.assisted.former import CasePurpose
from broker.assisted.profiles import default_profiles
from broker.assisted.transitions import advance
from broker.model.staff import StaffMember, StaffRole
from tests.unit.assisted.cases import AGENT, NOW, REVIEWER, appointment, passkey, standing, walked

RULES = CaseRules("https://broker.example/assisted", CasePolicy(), default_profiles())
A, S, C = StaffAction, CaseState, CaseRole
ANYONE = frozenset({C.AGENT, C.REVIEWER, C.OVERSEER, C.VISITOR})
WORKERS = {StaffRole.AGENT, StaffRole.REVIEWER, StaffRole.LEAD}
HELD_BY_AGENT = {S.CLAIMED, S.IN_SESSION, S.DECISION}

POLICY: dict[
    StaffAction, tuple[set[StaffRole], set[CaseRole] | frozenset[CaseRole], set[CaseState] | frozenset[CaseState]]
] = {
    A.OPEN: (WORKERS | {StaffRole.AUDITOR}, ANYONE | {C.NONE}, set(S)),
    A.CLAIM: ({StaffRole.AGENT, StaffRole.REVIEWER}, ANYONE | {C.NONE}, {S.QUEUED, S.REVIEW}),
    A.RENEW: ({StaffRole.AGENT, StaffRole.REVIEWER}, {C.AGENT, C.REVIEWER}, HELD_BY_AGENT | {S.REVIEW}),
    A.RETURN_TO_QUEUE: (
        {StaffRole.AGENT, StaffRole.REVIEWER},
        {C.AGENT, C.REVIEWER},
        {S.CLAIMED, S.DECISION, S.REVIEW},
    ),
    A.CONTACT: ({StaffRole.AGENT}, {C.AGENT}, HELD_BY_AGENT),
    A.START_SESSION: ({StaffRole.AGENT}, {C.AGENT}, {S.CLAIMED}),
    A.VERIFY_PHRASE: ({StaffRole.AGENT}, {C.AGENT}, {S.IN_SESSION}),
    A.CONFIRM_PROMPTS: ({StaffRole.AGENT}, {C.AGENT}, {S.IN_SESSION}),
    A.CONFIRM_PASSKEY: ({StaffRole.AGENT}, {C.AGENT}, {S.IN_SESSION, S.DECISION}),
    A.COMPARE: ({StaffRole.AGENT}, {C.AGENT}, {S.IN_SESSION, S.DECISION}),
    A.RECORD: ({StaffRole.AGENT}, {C.AGENT}, {S.IN_SESSION, S.DECISION}),
    A.ASK_CITIZEN: ({StaffRole.AGENT}, {C.AGENT}, {S.IN_SESSION, S.DECISION}),
    A.END_SESSION: ({StaffRole.AGENT}, {C.AGENT}, {S.IN_SESSION}),
    A.DROP_SESSION: ({StaffRole.AGENT}, {C.AGENT}, {S.IN_SESSION}),
    A.DECIDE: ({StaffRole.AGENT}, {C.AGENT}, {S.DECISION}),
    A.INDEPENDENT_REVIEW: ({StaffRole.REVIEWER}, {C.REVIEWER}, {S.REVIEW}),
    A.REVIEW: ({StaffRole.REVIEWER}, {C.REVIEWER}, {S.REVIEW}),
    A.REASSIGN: ({StaffRole.LEAD}, {C.OVERSEER}, HELD_BY_AGENT | {S.REVIEW}),
    A.ASSIGN: ({StaffRole.LEAD}, {C.OVERSEER, C.NONE}, HELD_BY_AGENT | {S.QUEUED, S.REVIEW}),
    A.HOLD: ({StaffRole.LEAD}, {C.OVERSEER}, OPEN - {S.HELD}),
    A.END_HOLD: ({StaffRole.LEAD}, {C.OVERSEER}, {S.HELD}),
    A.NEW_TRIES: ({StaffRole.LEAD}, {C.OVERSEER}, {S.HELD}),
    A.CORRECT: ({StaffRole.AGENT}, {C.AGENT}, {S.DECISION}),
    A.ANSWER_COMPLAINT: ({StaffRole.LEAD}, {C.OVERSEER}, {S.DECLINED}),
    A.CALL_BACK: ({StaffRole.AGENT}, ANYONE | {C.NONE}, {S.APPROVED}),
    A.CALL_MISSED: ({StaffRole.AGENT}, ANYONE | {C.NONE}, {S.APPROVED}),
    A.REASSIGN_IN_LIST: ({StaffRole.LEAD}, {C.OVERSEER, C.NONE}, HELD_BY_AGENT | {S.REVIEW}),
    A.HOLD_IN_LIST: ({StaffRole.LEAD}, {C.OVERSEER, C.NONE}, OPEN - {S.HELD}),
    A.END_HOLD_IN_LIST: ({StaffRole.LEAD}, {C.OVERSEER, C.NONE}, {S.HELD}),
    A.DECLINE_HELD: ({StaffRole.LEAD}, {C.OVERSEER}, {S.HELD}),
    A.UNFREEZE: ({StaffRole.LEAD}, {C.OVERSEER}, {S.BOUND, S.RELEASED}),
    A.REVOKE: ({StaffRole.LEAD}, {C.OVERSEER}, {S.BOUND, S.RELEASED}),
    A.ACKNOWLEDGE: ({StaffRole.LEAD}, {C.OVERSEER, C.NONE}, OPEN | {S.BOUND, S.RELEASED}),
    A.ASK_LEAD: ({StaffRole.AGENT, StaffRole.REVIEWER}, {C.AGENT, C.REVIEWER}, HELD_BY_AGENT | {S.REVIEW}),
    A.ANSWER: ({StaffRole.LEAD}, {C.OVERSEER}, OPEN),
    A.FLAG: (WORKERS, ANYONE, OPEN | {S.BOUND, S.RELEASED}),
    A.DECLARE_INTEREST: (WORKERS, ANYONE, OPEN),
    A.NOTE: (WORKERS, ANYONE - {C.VISITOR}, OPEN),
    A.WITHDRAW_NOTICE: ({StaffRole.AGENT, StaffRole.LEAD}, {C.AGENT, C.OVERSEER}, OPEN),
    A.BOOK: ({StaffRole.AGENT, StaffRole.LEAD}, ANYONE | {C.NONE}, {S.REQUESTED, S.SCHEDULED, S.QUEUED}),
    A.CANCEL_BOOKING: ({StaffRole.AGENT, StaffRole.LEAD}, ANYONE | {C.NONE}, {S.SCHEDULED}),
    A.NO_SHOW: ({StaffRole.AGENT, StaffRole.LEAD}, ANYONE | {C.NONE}, {S.QUEUED, S.CLAIMED}),
    A.WALK_IN: ({StaffRole.AGENT, StaffRole.LEAD}, ANYONE | {C.NONE}, {S.REQUESTED, S.SCHEDULED}),
}
"""Staff roles, roles in the case and states of each action, independent of PERMISSIONS and of the transition table."""

HOLDERS = {A.RENEW, A.CONTACT, A.RETURN_TO_QUEUE, A.RECORD, A.ASK_CITIZEN, A.DECIDE}
"""Actions of the holder that are refused while a decision can be corrected."""

DECISIONS = {A.DECIDE, A.INDEPENDENT_REVIEW, A.REVIEW, A.DECLINE_HELD, A.UNFREEZE, A.REVOKE}
"""The actions that need a recent sign-in."""

ROLE_SETS = [frozenset(some) for some in chain.from_iterable(combinations(StaffRole, n) for n in range(1, 6))]


@dataclass(frozen=True, slots=True)
class Condition:
    """What else decides, beside roles and state."""

    name: str
    member: str
    looked_up: bool = False
    phrase: bool = False
    details: bool = False
    reviewed: bool = False
    in_training: bool = False
    language: str = "en"
    interested: bool = False
    spent: bool = False
    decided: bool = False
    complaint: bool = False
    frozen: bool = False
    call: str = ""
    sent: bool = False
    flagged: bool = False
    asked: bool = False
    passkey: str = ""
    rebind: bool = False
    appointment: bool = False


CONDITIONS = [
    Condition("agent", AGENT),
    Condition("agent who looked up", AGENT, looked_up=True),
    Condition("agent with phrase", AGENT, phrase=True),
    Condition("agent with details", AGENT, details=True),
    Condition("agent of a case that was sent", AGENT, sent=True),
    Condition("agent of another language", AGENT, language="cy"),
    Condition("agent with a passkey before the words", AGENT, passkey="made"),
    Condition("agent with a passkey", AGENT, phrase=True, passkey="made"),
    Condition("agent with a confirmed passkey", AGENT, phrase=True, passkey="confirmed"),
    Condition("agent of a lost passkey", AGENT, details=True, rebind=True),
    Condition("agent of a lost passkey before the details", AGENT, rebind=True),
    Condition("reviewer", REVIEWER),
    Condition("reviewer who looked up", REVIEWER, looked_up=True),
    Condition("reviewer after the independent review", REVIEWER, reviewed=True),
    Condition("reviewer in training", REVIEWER, in_training=True),
    Condition("visitor", "visitor-1", looked_up=True),
    Condition("visitor who knows the citizen", "visitor-1", looked_up=True, interested=True),
    Condition("no role", "visitor-1"),
    Condition("visitor of a case with spent tries", "visitor-1", looked_up=True, spent=True),
    Condition("agent of a case with spent tries", AGENT, looked_up=True, spent=True),
    Condition("agent who decided", AGENT, decided=True),
    Condition("visitor of a case with a frozen identity", "visitor-1", looked_up=True, frozen=True),
    Condition("visitor of a case with a complaint", "visitor-1", looked_up=True, complaint=True),
    Condition("agent of a case with a complaint", AGENT, looked_up=True, complaint=True),
    Condition("visitor of a flagged case", "visitor-1", looked_up=True, flagged=True),
    Condition("no role in a flagged case", "visitor-1", flagged=True),
    Condition("visitor of a case with a question", "visitor-1", looked_up=True, asked=True),
    Condition("call wanted", "visitor-1", call="wanted"),
    Condition("call wanted in another language", "visitor-1", call="wanted", language="cy"),
    Condition("call made", "visitor-1", call="made"),
    Condition("call made by another agent", AGENT, call="made"),
    Condition("agent at the time of the appointment", AGENT, appointment=True),
]


def prepared(state: CaseState, condition: Condition) -> Case:
    """A case in a state in which the condition holds, as far as it can in that state."""
    case = standing(state)
    if state is S.HELD and condition.spent:
        case = walked(ev.AttemptsExhausted(), case=standing(S.APPROVED))
    elif state is S.HELD:
        case = walked(ev.Decided(Verdict(AGENT, NOW, Decision.REFER, ("doubt",))), case=standing(S.DECISION))
    if state is S.IN_SESSION:
        case = walked(ev.DetailsRecorded(AGENT, {"given_name": "Ada"}), case=case)
    if state is S.REVIEW and condition.member == REVIEWER:
        case = walked(ev.ReviewClaimed(REVIEWER), case=case)
        if condition.reviewed:
            case = walked(ev.IndependentReviewRecorded(IndependentReview(REVIEWER, NOW, Decision.APPROVE)), case=case)
    if state is S.DECISION and condition.decided:
        verdict = ev.Decided(Verdict(AGENT, NOW, Decision.DECLINE, ("doubt",)))
        case = advance(case, verdict, NOW, CasePolicy())
    if state in (S.BOUND, S.RELEASED) and condition.frozen:
        case = walked(ev.Frozen(NOW), case=case)
    if state is S.DECLINED and condition.complaint:
        case = walked(ev.Complained(Complaint(NOW, "nobody listened")), case=case)
    if state is S.APPROVED and condition.call:
        called = replace(case, contact=Contact(ContactMethod.PHONE, "+447700900982"))
        case = walked(ev.CallBackRequested(NOW, NOW + 3600), case=called)
        made = ev.CallBackStarted("visitor-1", "nonce", NOW + 900)
        case = walked(made, case=case) if condition.call == "made" else case
    flags = (Flag(AGENT, NOW, "doubt"),) if condition.flagged else case.flags
    threads = (Thread(AGENT, NOW, "a question"),) if condition.asked else ()
    case = replace(case, flags=flags, threads=threads)
    purpose = CasePurpose.REBIND if condition.rebind else CasePurpose.NEW
    case = replace(case, phrase_verified=condition.phrase, purpose=purpose)
    if condition.sent:
        case = replace(case, channel=Channel.SENT)
    if condition.passkey:
        confirmed = AGENT if condition.passkey == "confirmed" else None
        case = replace(case, passkey=replace(passkey(), confirmed=confirmed))
    if not condition.details:
        case = replace(case, details=Details())
    if condition.looked_up:
        case = walked(
            ev.Opened(condition.member, "follow_up"), case=case, now=case.history[-1].at if case.history else NOW
        )
    booked = appointment(NOW) if condition.appointment and state in (S.QUEUED, S.CLAIMED) else None
    case = replace(case, appointment=booked or case.appointment)
    if condition.interested:
        case = replace(case, conflicts_of_interest=(condition.member,))
    return case


def expected(case: Case, member: StaffMember, condition: Condition, role: CaseRole) -> Iterator[StaffAction]:
    """The actions that the policy allows."""
    for action, (staff_roles, case_roles, states) in POLICY.items():
        if not member.roles & staff_roles or role not in case_roles or case.state not in states:
            continue
        if condition.decided and case.state is S.DECISION and action in HOLDERS:
            continue
        conditions = {
            A.CLAIM: may_claim(case, member, condition),
            A.VERIFY_PHRASE: not case.phrase_verified and case.channel is not Channel.SENT,
            A.CONFIRM_PROMPTS: not case.phrase_verified and case.channel is Channel.SENT,
            A.CONFIRM_PASSKEY: condition.phrase and condition.passkey == "made",
            A.COMPARE: condition.rebind and bool(case.details.claims),
            A.ASK_CITIZEN: bool(case.details.claims),
            A.INDEPENDENT_REVIEW: case.independent_review is None,
            A.REVIEW: case.independent_review is not None,
            A.END_HOLD: member.id != AGENT,
            A.END_HOLD_IN_LIST: member.id != AGENT and not condition.interested,
            A.ACKNOWLEDGE: any(flag.seen is None for flag in case.flags),
            A.ASK_LEAD: not case.threads,
            A.ANSWER: bool(case.threads),
            A.NO_SHOW: case.appointment is not None,
            A.DECLINE_HELD: member.id != AGENT,
            A.UNFREEZE: condition.frozen and member.id != AGENT,
            A.CORRECT: condition.decided,
            A.ANSWER_COMPLAINT: condition.complaint and member.id != AGENT,
            A.NEW_TRIES: member.id != AGENT and condition.spent,
            A.CALL_BACK: condition.call == "wanted" and condition.language == "en",
            A.CALL_MISSED: condition.call == "made" and member.id == "visitor-1",
        }
        if conditions.get(action, True):
            yield action


def may_claim(case: Case, member: StaffMember, condition: Condition) -> bool:
    """Agents claim cases in their languages; reviewers a review of a case that they did not handle as agent."""
    if condition.interested:
        return False
    if case.state is S.QUEUED:
        return StaffRole.AGENT in member.roles and condition.language == "en"
    free = case.lease is None and member.id != AGENT
    return StaffRole.REVIEWER in member.roles and not condition.in_training and free


def expected_role(case: Case, member: StaffMember, condition: Condition) -> CaseRole:
    """The role by lease, else by a recent look-up."""
    if case.holder == member.id:
        return C.REVIEWER if case.state is S.REVIEW else C.AGENT
    if not condition.looked_up or condition.interested:
        return C.NONE
    return C.OVERSEER if member.roles & {StaffRole.LEAD, StaffRole.AUDITOR} else C.VISITOR


@pytest.mark.parametrize("state", CaseState)
def test_permissions_allow_in_each_state_what_the_policy_says_for_every_role_and_condition(state: CaseState) -> None:
    seen = set()
    for condition in CONDITIONS:
        case = prepared(state, condition)
        now = case.history[-1].at if case.history else NOW
        for roles in ROLE_SETS:
            languages = () if condition.language == "en" else (condition.language,)
            member = StaffMember(
                condition.member, "sub", "Robin Doe", roles, in_training=condition.in_training, languages=languages
            )
            role = role_in_case(case, member, now)
            assert role is expected_role(case, member, condition), (condition.name, roles)
            allowed = allowed_actions(RULES, case, member, now)
            assert allowed == set(expected(case, member, condition, role)), (condition.name, sorted(roles))
            seen |= allowed
    assert seen >= {action for action, (_, _, states) in POLICY.items() if state in states}


def test_each_action_has_one_permission_and_decisions_need_a_recent_sign_in() -> None:
    assert set(PERMISSIONS) == set(StaffAction) == set(POLICY)
    assert {action for action, row in PERMISSIONS.items() if row.recent_sign_in} == DECISIONS
    for action, (staff_roles, case_roles, _) in POLICY.items():
        row = PERMISSIONS[action]
        assert (set(row.staff_roles), row.case_roles) == (staff_roles, frozenset(case_roles)), action


def test_a_looked_up_case_closes_when_its_time_is_over() -> None:
    case = walked(ev.Opened("visitor-1", "follow_up"), case=standing(S.QUEUED))
    member = StaffMember("visitor-1", "sub", "Robin Doe", frozenset({StaffRole.AGENT}))
    assert role_in_case(case, member, NOW + LOOK_UP_LIFE - 1) is C.VISITOR
    assert role_in_case(case, member, NOW + LOOK_UP_LIFE) is C.NONE
