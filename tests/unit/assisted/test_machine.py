"""Invariants of a case under any events by any actors (property-based)."""

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import (
    Channel,
    CheckOutcome,
    CheckRecord,
    Complaint,
    Confirmation,
    Contact,
    ContactMethod,
    Decision,
    HoldReason,
    IndependentReview,
    Phrase,
    Review,
    Role,
    Verdict,
)
from broker.assisted.case_states import OPEN, CaseState
from broker.assisted.case_status import CaseStage, case_status
from broker.assisted.contact_log import ContactAttempt, ContactChannel, ContactOutcome
from broker.assisted.deadlines import CasePolicy, due_event
from broker.assisted.opening import ChannelSettings
from broker.assisted.separation_of_duties import SecondReviewReason, participants
from broker.assisted.transitions import advance
from broker.model.assurance import EvidenceType, Level
from tests.support.examples import scaled
from tests.unit.assisted.cases import (
    AGENT,
    DESK,
    LEAD,
    NOW,
    REVIEWER,
    TERMS,
    binding,
    desk_visit,
    draft,
    evidence,
    standing,
)

PEOPLE = st.sampled_from(["helper", AGENT, REVIEWER, LEAD])
LEVELS = st.sampled_from([None, *Level])
S = CaseState
CLOCKS = [
    ev.LeaseLapsed(),
    ev.PromiseMissed(),
    ev.ReviewLate(),
    ev.HoldLate(),
    ev.CallBackLapsed(),
    ev.Settled(),
    ev.DeadlinePassed(),
    ev.RedressEnded(),
]
NO_WORK = ("claimed", "review_claimed", "put_back", "held", "taken_back", "assigned")
"""Events that settle nothing: a lead with an earlier part may still stop a case or take it from its holder."""
DECIDING = frozenset({Role.AGENT, Role.REVIEWER, Role.LEAD})
REACH = {ContactMethod.EMAIL: "a@example.org", ContactMethod.PHONE: "+447700900982"}
OVER = frozenset({S.DECLINED, S.WITHDRAWN, S.EXPIRED, S.REVOKED})


class AnyoneDoesAnything(RuleBasedStateMachine):
    """One case with four members of staff, of whom one may have opened it, and a citizen with a clock."""

    case: Case
    now: float
    phrases: int
    terms: CasePolicy

    @initialize(
        state=st.sampled_from([S.DRAFT, S.QUEUED, S.IN_SESSION, S.DECISION, S.REVIEW, S.APPROVED, S.BOUND, S.DECLINED]),
        requester=st.sampled_from(["citizen", "helper"]),
        correction=st.sampled_from([0, 300]),
        way=st.sampled_from([ContactMethod.EMAIL, ContactMethod.PHONE]),
    )
    def begin(self, state: CaseState, requester: str, correction: int, way: ContactMethod) -> None:
        self.terms = replace(TERMS, correction=correction, channels={Channel.VIDEO: ChannelSettings(promise=3600)})
        reached = standing(state, draft(requester=requester))
        self.case = reached if reached.contact is None else replace(reached, contact=Contact(way, REACH[way]))
        self.now, self.phrases = NOW, 0

    def happens(self, event: ev.Event) -> None:
        """One event, which may or may not have an effect, and what holds between before and after."""
        before = self.case
        after = self.case = advance(before, event, self.now, self.terms)
        if after is before:
            return
        assert after.version == before.version + 1
        assert len(after.history) == len(before.history) + (not isinstance(event, ev.Renewed))
        assert after.history[: len(before.history)] == before.history
        if after.channel is Channel.SENT:
            assert before.channel is Channel.SENT or isinstance(event, ev.Submitted)
        if after.phrase_verified and not before.phrase_verified:
            assert isinstance(event, ev.PromptsFollowed if before.channel is Channel.SENT else ev.WordsExchanged)
        if before.approved_before and not after.approved_before and after.open:
            assert after.phrase != before.phrase
            assert not after.phrase_verified
        if before.state in OVER and not isinstance(event, ev.RedressAsked):
            assert after.state is before.state
        if before.frozen is not None and after.state is not before.state:
            assert after.state in (S.REVOKED, S.EXPIRED), "a frozen identity was released"
        if before.state is S.HELD and after.state is S.APPROVED:
            assert before.hold is not None
            assert before.hold.reason in (HoldReason.BINDING, HoldReason.INCIDENT)
            assert before.verdict == after.verdict
            assert after.bind_round == before.bind_round + 1
        assert after.promise is None or after.state in (S.QUEUED, S.CLAIMED)
        if before.promise is not None and before.promise.missed and after.promise is not None:
            assert after.promise.missed or after.channel is not before.channel
        if before.unsettled is not None and after.unsettled is None and after.state in (S.APPROVED, S.DECLINED):
            assert isinstance(event, ev.Settled)
            assert self.now >= before.unsettled.until
        if before.binding is not None:
            assert after.binding == before.binding
        elif after.binding is not None:
            assert before.state is S.APPROVED
            assert not after.binding.call_back or (before.call is not None and before.call.by is not None)

    @rule(passed=st.sampled_from([0.5, 60, 1700, 4 * 3600, 86400]), likely=st.integers(0, 3))
    def time_passes(self, passed: float, likely: int) -> None:
        if likely == 0:
            self.now += passed

    @rule()
    def the_clock_speaks(self) -> None:
        if (event := due_event(self.case, self.now)) is not None:
            self.happens(event)

    @rule(event=st.sampled_from(CLOCKS))
    def a_clock_is_only_claimed_to_have_run_out(self, event: ev.ByClock) -> None:
        if due_event(self.case, self.now) != event:
            before = self.case
            self.happens(event)
            assert self.case is before

    @rule()
    def the_citizen_submits_and_is_ready(self) -> None:
        self.happens(ev.Submitted(Contact(ContactMethod.EMAIL, "a@example.org"), Channel.VIDEO))
        self.happens(ev.ReadyForSession())

    @rule(everything=st.booleans())
    def the_citizen_sends_what_is_needed(self, *, everything: bool) -> None:
        self.happens(ev.Submitted(Contact(ContactMethod.EMAIL, "a@example.org"), Channel.SENT))
        before = self.case
        self.happens(ev.ReadyForSession(everything_sent=everything))
        if before.channel is Channel.SENT and not everything:
            assert self.case is before

    @rule(who=PEOPLE)
    def an_agent_sees_that_prompts_were_followed(self, who: str) -> None:
        self.happens(ev.SessionStarted(who, Channel.SENT))
        self.happens(ev.PromptsFollowed(who))

    @rule(
        event=st.sampled_from(
            [
                ev.Withdrawn(),
                ev.Repudiated(),
                ev.Resumed("other", "digest-of-a-code", "d"),
                ev.AttemptsExhausted(),
                ev.Released(),
                ev.Frozen(0.0),
            ]
        ),
        likely=st.integers(0, 5),
    )
    def the_citizen_does_something_final(self, event: ev.Event, likely: int) -> None:
        if likely == 0:
            self.happens(event)

    @rule(who=PEOPLE)
    def a_lead_releases_the_identity(self, who: str) -> None:
        before = self.case
        self.happens(ev.Unfrozen(who, "cleared"))
        assert self.case is before or before.frozen is not None

    @rule()
    def a_code_goes_out(self) -> None:
        self.happens(ev.CodeSent(Confirmation("digest", ContactMethod.EMAIL, self.now, self.now + 60)))

    @rule()
    def the_citizen_asks_to_meet_again(self) -> None:
        self.happens(ev.MeetingRequested(self._phrase(), "mark", ("face",)))

    def _phrase(self) -> Phrase:
        """A phrase that no case had before."""
        self.phrases += 1
        return Phrase("birch", f"window-{self.phrases}")

    @rule()
    def the_citizen_asks_to_be_called(self) -> None:
        self.happens(ev.CallBackRequested(self.now, self.now + 3600))

    @rule(who=PEOPLE, reached=st.booleans())
    def an_agent_calls(self, who: str, *, reached: bool) -> None:
        self.happens(ev.CallBackStarted(who, "nonce", self.now + 900))
        if not reached:
            self.happens(ev.CallBackMissed(who, "no_answer"))

    @rule()
    def the_citizen_asks_for_a_new_look(self) -> None:
        self.happens(ev.RedressAsked(self._phrase(), "browser-2", "mark-2", self.now + self.terms.redress_within))

    @rule(who=PEOPLE)
    def a_complaint_is_written_and_answered(self, who: str) -> None:
        self.happens(ev.Complained(Complaint(self.now, "nobody listened")))
        self.happens(ev.ComplaintAnswered(who, "we are sorry"))

    @rule(who=PEOPLE)
    def a_decision_is_taken_back(self, who: str) -> None:
        self.happens(ev.Corrected(who))

    @rule()
    def a_decision_settles(self) -> None:
        if self.case.unsettled is not None:
            self.now = max(self.now, self.case.unsettled.until)
            self.happens(ev.Settled())

    @rule(who=PEOPLE, reason=st.sampled_from(["incident", "fraud_signals"]), likely=st.integers(0, 3))
    def an_approved_case_is_held_and_a_lead_gives_new_tries(self, who: str, reason: str, likely: int) -> None:
        if likely == 0:
            self.happens(ev.Held(LEAD, reason))
        self.happens(ev.HoldEnded(who, "cleared", approved=True))

    @rule(code=st.booleans(), words=st.booleans(), call=st.booleans(), level=st.sampled_from(Level))
    def the_citizen_binds(self, level: Level, *, code: bool, words: bool, call: bool) -> None:
        self.happens(ev.Bound(replace(binding(code=code, words=words, level=level), call_back=call)))
        if not code and not words:
            assert self.case.binding is None or self.case.binding.code or self.case.binding.words

    @rule(who=PEOPLE)
    def an_agent_claims_the_case(self, who: str) -> None:
        self.happens(ev.Claimed(who))

    @rule(who=PEOPLE)
    def a_reviewer_claims_the_review(self, who: str) -> None:
        self.happens(ev.ReviewClaimed(who))

    @rule(who=PEOPLE, kind=st.sampled_from([ev.Renewed, ev.WordsExchanged, ev.SessionEnded]))
    def an_agent_continues(self, who: str, kind: type[ev.Renewed | ev.WordsExchanged | ev.SessionEnded]) -> None:
        self.happens(kind(who))

    @rule(who=PEOPLE, outcome=st.sampled_from(ContactOutcome), later=st.sampled_from([None, -1.0, 600.0]))
    def an_agent_tries_to_reach_the_citizen(self, who: str, outcome: ContactOutcome, later: float | None) -> None:
        before = self.case
        again = None if later is None else self.now + later
        self.happens(ev.ContactTried(ContactAttempt(who, self.now, ContactChannel.CALL, outcome, again)))
        if self.case is not before:
            assert before.holder == who
            assert len(self.case.contacts) == len(before.contacts) + 1
            assert self.case.state in (before.state, S.REQUESTED)

    @rule(times=st.integers(1, 3))
    def staff_miss_the_citizen_again_and_again(self, times: int) -> None:
        for _ in range(times):
            self.happens(ev.ReadyForSession())
            self.happens(ev.Claimed(AGENT))
            self.an_agent_tries_to_reach_the_citizen(AGENT, ContactOutcome.NO_ANSWER, None)

    @rule()
    def the_citizen_keeps_the_request_open(self) -> None:
        before = self.case
        self.happens(ev.KeptOpen())
        if self.case is not before:
            assert before.closing is not None
            assert before.closing > self.now
            assert (self.case.closing, self.case.missed) == (None, 0)

    @rule(likely=st.integers(0, 2))
    def a_desk_accepts_the_case(self, likely: int) -> None:
        if likely == 0:
            self.happens(ev.DeskAccepted(desk_visit()))

    @rule(kind=st.sampled_from([ev.WordsExchanged, ev.Claimed, ev.ReviewClaimed, ev.SessionEnded]))
    def a_desk_takes_a_step_of_staff(self, kind: type[ev.WordsExchanged | ev.Claimed]) -> None:
        self.happens(kind(DESK))

    @rule(decision=st.sampled_from([Decision.APPROVE, Decision.DECLINE]), level=LEVELS, final=st.booleans())
    def a_desk_recommends(self, decision: Decision, level: Level | None, *, final: bool) -> None:
        if self.case.state is CaseState.IN_SESSION and not self.case.details.claims:
            self.happens(ev.DetailsRecorded(DESK, {"name": "Ada"}))
        before = self.case
        self.happens(ev.Recommended(Verdict(DESK, self.now, decision, ("reason",), level=level), 0, final))
        if self.case is not before:
            assert self.case.state is CaseState.REVIEW
            assert SecondReviewReason.DESK in self.case.second_review_reasons

    @rule(who=PEOPLE)
    def an_agent_starts_a_session(self, who: str) -> None:
        self.happens(ev.SessionStarted(who, Channel.VIDEO))

    @rule(who=PEOPLE, outcome=st.sampled_from(CheckOutcome), evidence_type=st.sampled_from(EvidenceType))
    def an_agent_records_evidence(self, who: str, outcome: CheckOutcome, evidence_type: EvidenceType) -> None:
        self.happens(ev.EvidenceRecorded(who, evidence(outcome, evidence_type)))

    @rule(who=PEOPLE, outcome=st.sampled_from(CheckOutcome))
    def an_agent_records_a_check(self, who: str, outcome: CheckOutcome) -> None:
        self.happens(ev.ChecksRecorded(who, (CheckRecord("alive", outcome, who, self.now, None),)))

    @rule(who=PEOPLE, given=st.sampled_from(["Ada", "Eve"]))
    def an_agent_records_details(self, who: str, given: str) -> None:
        self.happens(ev.DetailsRecorded(who, {"name": given}))

    @rule(who=PEOPLE, kind=st.sampled_from([ev.Returned, ev.SessionDropped, ev.Reassigned]))
    def the_case_is_returned_or_reassigned(self, who: str, kind: type[ev.Returned | ev.Reassigned]) -> None:
        self.happens(kind(who, "reason"))

    @rule(who=PEOPLE, to=PEOPLE, likely=st.integers(0, 2))
    def a_lead_assigns_the_case(self, who: str, to: str, likely: int) -> None:
        if likely == 0:
            self.happens(ev.Assigned(who, to, "shared_out"))

    @rule(who=PEOPLE)
    def a_lead_ends_the_hold(self, who: str) -> None:
        self.happens(ev.HoldEnded(who, "reason", self._phrase()))

    @rule(who=PEOPLE, likely=st.integers(0, 5), kind=st.sampled_from([ev.Held, ev.Flagged, ev.Revoked]))
    def the_case_is_held_flagged_or_revoked(
        self, who: str, likely: int, kind: type[ev.Held | ev.Flagged | ev.Revoked]
    ) -> None:
        if likely == 0:
            self.happens(kind(who, "reason"))

    @rule(who=PEOPLE, likely=st.integers(0, 5))
    def a_lead_declines_a_held_case(self, who: str, likely: int) -> None:
        if likely == 0:
            self.happens(ev.HoldDeclined(who, ("fraud_signals",)))

    @rule(who=PEOPLE, likely=st.integers(0, 5))
    def a_conflict_of_interest_is_declared(self, who: str, likely: int) -> None:
        if likely == 0:
            self.happens(ev.InterestDeclared(who))

    @rule(
        who=PEOPLE,
        decision=st.sampled_from([Decision.APPROVE, *Decision]),
        level=LEVELS,
        alike=st.integers(0, 3),
        drawn=st.booleans(),
    )
    def an_agent_decides(self, who: str, decision: Decision, level: Level | None, alike: int, *, drawn: bool) -> None:
        said = Verdict(who, self.now, decision, ("reason",), level=level)
        self.happens(ev.Decided(said, alike, drawn))

    @rule(who=PEOPLE, decision=st.sampled_from(Decision))
    def an_independent_review_is_recorded(self, who: str, decision: Decision) -> None:
        self.happens(ev.IndependentReviewRecorded(IndependentReview(who, self.now, decision, ("reason",))))

    @rule(who=PEOPLE, agrees=st.booleans())
    def a_reviewer_judges_the_decision(self, who: str, *, agrees: bool) -> None:
        self.happens(ev.Reviewed(Review(who, self.now, agrees, ("reason",))))

    @rule(who=PEOPLE, drawn=st.booleans(), view=st.sampled_from(Decision))
    def the_due_step_is_taken(self, who: str, view: Decision, *, drawn: bool) -> None:
        """Random actors rarely act in a useful order, so the next due step is a rule too."""
        case, holder = self.case, self.case.holder or who
        match case.state:
            case S.DRAFT:
                self.the_citizen_submits_and_is_ready()
            case S.QUEUED:
                self.happens(ev.Claimed(who))
            case S.CLAIMED:
                self.happens(ev.SessionStarted(holder, Channel.SENT if drawn else Channel.IN_PERSON))
            case S.IN_SESSION:
                self.happens(ev.WordsExchanged(holder))
                self.happens(ev.PromptsFollowed(holder))
                self.happens(ev.DetailsRecorded(holder, dict(case.details.claims) or {"name": "Ada"}))
                self.happens(ev.SessionEnded(holder))
            case S.DECISION:
                self.happens(ev.Decided(Verdict(holder, self.now, Decision.APPROVE, level=case.level), 0, drawn))
            case S.REVIEW if case.lease is None:
                self.happens(ev.ReviewClaimed(who))
            case S.REVIEW if case.independent_review is None:
                self.happens(ev.IndependentReviewRecorded(IndependentReview(holder, self.now, view, ("reason",))))
            case S.REVIEW:
                self.happens(ev.Reviewed(Review(holder, self.now, agrees=True, reasons=("reason",))))
            case S.DECLINED:
                self.the_citizen_asks_for_a_new_look()
            case S.HELD:
                self.happens(ev.HoldEnded(who, "looked at", self._phrase()))
            case _:
                self.happens(ev.Released())

    @rule()
    def the_holder_reviews_the_case(self) -> None:
        self.happens(ev.Reviewed(Review(self.case.holder or AGENT, self.now, agrees=True, reasons=("reason",))))

    @rule(who=PEOPLE)
    def another_member_of_staff_takes_the_due_step(self, who: str) -> None:
        self.the_due_step_is_taken(who, drawn=True, view=Decision.APPROVE)

    @rule(who=PEOPLE)
    def it_goes_on_and_on(self, who: str) -> None:
        for _ in range(3):
            self.the_due_step_is_taken(who, drawn=True, view=Decision.DECLINE)

    @invariant()
    def requester_agent_and_reviewer_are_three_people(self) -> None:
        if not hasattr(self, "case"):
            return
        agents, reviewers = participants(self.case, Role.AGENT), participants(self.case, Role.REVIEWER)
        assert not agents & reviewers
        assert DESK not in agents | reviewers
        assert self.case.requester not in agents | reviewers

    @invariant()
    def nothing_is_approved_without_whom_it_needs_and_what_it_needs(self) -> None:
        if not hasattr(self, "case") or self.case.state not in (S.APPROVED, S.BOUND, S.RELEASED):
            return
        case = self.case
        verdict, review = case.verdict, case.review
        assert verdict is not None
        assert verdict.decision is Decision.APPROVE
        assert case.phrase_verified
        assert verdict.level is not None
        assert verdict.level >= case.level
        if verdict.level is Level.HIGH or any(e.type is EvidenceType.VOUCH for e in case.evidence):
            assert case.second_review_reasons
        if case.second_review_reasons:
            assert review is not None
            assert review.agrees
            assert case.independent_review is not None
            assert case.independent_review.by == review.by != verdict.by
            assert case.independent_review.at <= review.at

    @invariant()
    def there_is_one_final_decision_and_no_identity_without_binding(self) -> None:
        if not hasattr(self, "case"):
            return
        case = self.case
        finals = [m for m in case.history if m.source in OPEN and m.target not in OPEN]
        looks = [place for place, move in enumerate(case.history) if move.event == "redress_asked"]
        assert len(looks) <= 1
        assert len(finals) <= 1 + len(looks)
        assert (case.state in OPEN) == (len(finals) == len(looks))
        if looks:
            before, after = (
                {move.who for move in part if move.role in DECIDING and move.event not in NO_WORK}
                for part in (case.history[: looks[0]], case.history[looks[0] :])
            )
            assert not before & after
        if case.state in (S.BOUND, S.RELEASED, S.REVOKED):
            assert case.binding is not None
            assert case.binding.code or case.binding.words
            assert case.binding.level >= case.level

    @invariant()
    def a_decision_that_is_not_settled_has_no_effect(self) -> None:
        if not hasattr(self, "case") or self.case.unsettled is None:
            return
        assert self.case.state is S.DECISION
        assert (self.case.lease, self.case.verdict is None, self.case.binding) == (None, False, None)
        assert case_status(self.case, self.terms, self.now, asking=True).stage is CaseStage.BEING_DECIDED

    @invariant()
    def a_hold_has_a_reason_and_a_call_belongs_to_an_approved_case(self) -> None:
        if not hasattr(self, "case"):
            return
        assert self.case.state is not S.HELD or self.case.hold is not None
        assert self.case.call is None or self.case.state is S.APPROVED

    @invariant()
    def a_request_that_closes_waits_for_the_citizen_and_says_when(self) -> None:
        if not hasattr(self, "case"):
            return
        case = self.case
        if case.state is S.REQUESTED:
            assert (case.closing is not None) == (case.missed >= self.terms.missed_contacts)
            if case.closing is not None:
                assert case.deadline == case.closing <= case.expires
        assert case.closing is None or case.state in (S.REQUESTED, S.HELD) or not case.open

    @invariant()
    def only_the_holder_of_the_case_has_a_lease(self) -> None:
        if hasattr(self, "case"):
            held = self.case.lease is not None or self.case.unsettled is not None
            assert held == (self.case.holder is not None)
            assert held == (self.case.state in (S.CLAIMED, S.IN_SESSION, S.DECISION)) or self.case.state is S.REVIEW


TestAnyoneDoesAnything = AnyoneDoesAnything.TestCase
TestAnyoneDoesAnything.settings = settings(max_examples=scaled(150), stateful_step_count=60, deadline=None)
