"""Example cases, made by applying events, never by setting a state."""

from collections.abc import Iterator

from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import (
    Appointment,
    CasePasskey,
    Channel,
    CheckOutcome,
    CheckRecord,
    Complaint,
    Confirmation,
    Contact,
    ContactMethod,
    Decision,
    DeskVisit,
    EvidenceRecord,
    IdentityBinding,
    IndependentReview,
    Phrase,
    Review,
    Safety,
    Verdict,
)
from broker.assisted.case_states import CaseState
from broker.assisted.contact_log import ContactAttempt, ContactChannel, ContactOutcome
from broker.assisted.deadlines import CasePolicy
from broker.assisted.former import FormerIdentity
from broker.assisted.intake import Intake, Need
from broker.assisted.opening import DAY
from broker.assisted.separation_of_duties import desk_id
from broker.assisted.transitions import TransitionRefused, advance, refusal
from broker.model.assurance import EvidenceType, Level

NOW = 1_800_000_000.0
"""A Friday, 08:00 in UTC, so one hour before the working day begins."""

TERMS = CasePolicy(correction=0)
AGENT, REVIEWER, LEAD = "agent-1", "reviewer-1", "lead-1"
DESK = desk_id("post", "clerk-7")


def draft(level: Level = Level.SUBSTANTIAL, requester: str = "citizen") -> Case:
    """A case in DRAFT, before it is submitted."""
    return Case(
        id="case-1",
        version=1,
        edit_version=1,
        state=CaseState.DRAFT,
        transaction="transaction-1",
        browser="browser-1",
        client_id="library",
        level=level,
        claims=("name", "birthdate"),
        language="en",
        reference="ABCD-2345",
        phrase=Phrase("amber", "kettle"),
        created=NOW,
        changed=NOW,
        deadline=NOW + TERMS.draft,
        expires=NOW + TERMS.max_duration,
        requester=requester,
        continuation="digest-of-a-code",
    )


def evidence(
    outcome: CheckOutcome = CheckOutcome.YES,
    evidence_type: EvidenceType = EvidenceType.DOCUMENT,
    evidence_id: str = "e1",
) -> EvidenceRecord:
    """A passport with one check."""
    reason = "the reader is broken" if outcome is CheckOutcome.COULD_NOT else None
    checks = (CheckRecord("valid", outcome, AGENT, NOW, reason),)
    return EvidenceRecord(evidence_id, "passport", evidence_type, AGENT, NOW, {"number": "123"}, checks)


def verdict(decision: Decision = Decision.APPROVE, level: Level | None = Level.SUBSTANTIAL, by: str = AGENT) -> Verdict:
    """A decision of the agent's."""
    reasons = () if decision is Decision.APPROVE else ("documents_missing",)
    return Verdict(by, NOW, decision, reasons, level=level)


def binding(*, code: bool = True, words: bool = True, level: Level = Level.SUBSTANTIAL) -> IdentityBinding:
    """The citizen takes the identity up."""
    return IdentityBinding("subject-1", NOW, level, ("otp",), asking_browser=True, code=code, words=words)


def passkey(digest: str = "passkey-1", asker: str = "") -> CasePasskey:
    """A passkey of the asking browser."""
    return CasePasskey(digest, NOW, asker, 90 * 86_400.0)


def appointment(begins: float = NOW + 3 * DAY, booking: str = "booking-1", room: int = 0) -> Appointment:
    """An appointment by video, with both reminders to come."""
    return Appointment(booking, "video", room, begins, begins + 1800, (begins - DAY, begins - 3600))


SUBMIT: tuple[ev.Event, ...] = (ev.Submitted(Contact(ContactMethod.EMAIL, "a@example.org"), Channel.VIDEO),)
WAIT: tuple[ev.Event, ...] = (*SUBMIT, ev.ReadyForSession())
CLAIM: tuple[ev.Event, ...] = (*WAIT, ev.Claimed(AGENT))
MEET: tuple[ev.Event, ...] = (*CLAIM, ev.SessionStarted(AGENT, Channel.VIDEO))
RECORD: tuple[ev.Event, ...] = (
    *MEET,
    ev.WordsExchanged(AGENT),
    ev.EvidenceRecorded(AGENT, evidence()),
    ev.DetailsRecorded(AGENT, {"name": "Ada Example", "birthdate": "1990-01-02"}),
)
PONDER: tuple[ev.Event, ...] = (*RECORD, ev.SessionEnded(AGENT))
APPROVE: tuple[ev.Event, ...] = (*PONDER, ev.Decided(verdict()))
REVIEW: tuple[ev.Event, ...] = (*PONDER, ev.Decided(verdict(), drawn=True))
BIND: tuple[ev.Event, ...] = (*APPROVE, ev.Bound(binding()))

TO: dict[CaseState, tuple[ev.Event, ...]] = {
    CaseState.DRAFT: (),
    CaseState.REQUESTED: SUBMIT,
    CaseState.SCHEDULED: (*SUBMIT, ev.Scheduled(appointment())),
    CaseState.QUEUED: WAIT,
    CaseState.CLAIMED: CLAIM,
    CaseState.IN_SESSION: MEET,
    CaseState.DECISION: PONDER,
    CaseState.REVIEW: REVIEW,
    CaseState.HELD: (*WAIT, ev.Held(LEAD, "safeguarding")),
    CaseState.APPROVED: APPROVE,
    CaseState.BOUND: BIND,
    CaseState.RELEASED: (*BIND, ev.Released()),
    CaseState.DECLINED: (*PONDER, ev.Decided(verdict(Decision.DECLINE))),
    CaseState.WITHDRAWN: (ev.Withdrawn(),),
    CaseState.EXPIRED: (ev.DeadlinePassed(),),
    CaseState.REVOKED: (*BIND, ev.Revoked(LEAD, "fraud")),
}
"""The shortest way to each state."""


def walked(*steps: ev.Event, case: Case | None = None, now: float = NOW) -> Case:
    """A case after some events, each of which must have had an effect."""
    after = case or draft()
    for step in steps:
        before, after = after, advance(after, step, now, TERMS)
        if after is before:
            raise AssertionError(f"{step} had no effect on a case that is {before.state}")
    return after


def standing(state: CaseState, case: Case | None = None) -> Case:
    """A case in a state."""
    at = NOW + TERMS.draft if state is CaseState.EXPIRED else NOW
    return walked(*TO[state], case=case, now=at)


def desk_visit(by: str = DESK) -> DeskVisit:
    """The citizen's visit at the counter of a desk."""
    return DeskVisit("post", "market-street", by, 3600)


def examples(case: Case) -> Iterator[ev.Event]:
    """One event of every kind, by the people who have the parts in `standing` cases."""
    by = case.holder or AGENT
    yield from SUBMIT
    yield from (
        ev.ReadyForSession(),
        ev.SecondRemoved(),
        ev.RoomOpened(AGENT, "https://rooms.example/1"),
        ev.KeptOpen(),
        ev.ContactTried(ContactAttempt(AGENT, NOW, ContactChannel.CALL, ContactOutcome.NO_ANSWER)),
        ev.Changed(
            Contact(ContactMethod.EMAIL, "b@example.org"),
            Channel.VIDEO,
            Safety(),
            ("mark-b",),
            Contact(ContactMethod.PHONE, "+441632960001"),
            Intake(needs=(Need.HEARING,), name="Ada"),
        ),
        ev.Resumed("browser-2", "digest-of-a-code", "digest-2"),
        ev.TransactionReplaced("t2"),
        ev.ContinuationCodeIssued("d"),
        ev.Withdrawn("found a way"),
    )
    yield ev.CodeSent(Confirmation("digest", ContactMethod.EMAIL, NOW, NOW + 60))
    yield ev.DeviceConfirmed(evidence("q-1"))
    yield ev.MeetingRequested(Phrase("birch", "window"), "mark-2", ("face",))
    yield ev.CallBackRequested(NOW, NOW + 3600)
    yield from (ev.CallBackStarted(AGENT, "nonce", NOW + 900), ev.CallBackMissed(AGENT, "no_answer"))
    yield from (ev.CallBackLapsed(), ev.HoldLate(), ev.Settled(), ev.Corrected(AGENT))
    yield ev.RedressAsked(Phrase("birch", "window"), "browser-2", "mark-2", NOW + 3600)
    yield from (ev.Complained(Complaint(NOW, "you were rude")), ev.ComplaintAnswered(LEAD, "we are sorry"))
    yield from (ev.Bound(binding()), ev.Released(), ev.Repudiated(), ev.AttemptsExhausted())
    yield from (ev.Claimed(AGENT), ev.Renewed(by), ev.Returned(by, "break"), ev.SessionStarted(by, Channel.VIDEO))
    yield from (ev.WordsExchanged(by), ev.PromptsFollowed(by))
    yield from (ev.EvidenceRecorded(by, evidence()), ev.EvidenceRemoved(by, "e1"))
    yield from (ev.PasskeyRegistered(passkey()), ev.PasskeyConfirmed(by, "passkey-1"), ev.PasskeyRemoved())
    yield ev.FormerConfirmed(by, FormerIdentity("kept-1", "subject-1", Level.SUBSTANTIAL, 90 * 86_400))
    yield from (ev.ChecksRecorded(by, ()), ev.DetailsRecorded(by, {"name": "Ada"}), ev.SessionDropped(by, "line dead"))
    yield from (ev.DeskAccepted(desk_visit()), ev.DeskFileReceived(by, "file-1"), ev.Recommended(verdict(by=by)))
    yield from (ev.SessionEnded(by), ev.Decided(verdict(by=by)), ev.ReviewClaimed(REVIEWER))
    yield ev.IndependentReviewRecorded(IndependentReview(by, NOW, Decision.APPROVE))
    yield ev.Reviewed(Review(by, NOW, agrees=True))
    yield ev.Assigned(LEAD, "agent-8", "shared_out")
    yield from (ev.Reassigned(LEAD, "shift over"), ev.Held(LEAD, "doubt"), ev.HoldEnded(LEAD, "cleared"))
    yield from (
        ev.HoldDeclined(LEAD, ("fraud_signals",)),
        ev.Opened(LEAD, "asked"),
        ev.Flagged(AGENT, "coached"),
        ev.InterestDeclared("agent-9"),
    )
    yield from (ev.Acknowledged(LEAD), ev.LeadAsked(by, "may I?"), ev.LeadAnswered(LEAD, "yes"))
    yield from (ev.Noted(LEAD, "called twice"), ev.Revoked(LEAD, "fraud"))
    yield from (ev.Frozen(NOW), ev.Unfrozen(LEAD, "cleared"))
    yield from (ev.Scheduled(appointment(NOW + 2 * DAY, "booking-2")), ev.SlotCancelled(), ev.SlotReleased("clerk-1"))
    yield from (ev.SlotMoved("clerk-1", appointment(NOW + 4 * DAY, "booking-3")), ev.NoShow(by), ev.WalkedIn("clerk-1"))
    yield from (ev.SlotReached(), ev.ReminderDue())
    yield from (ev.LeaseLapsed(), ev.PromiseMissed(), ev.ReviewLate(), ev.DeadlinePassed(), ev.RedressEnded())


def held_back(case: Case, event: ev.Event, now: float = NOW) -> TransitionRefused | None:
    """Why an event is barred, having checked that it then changes nothing."""
    why = refusal(case, event, now, TERMS)
    assert (advance(case, event, now, TERMS) is case) == (why is not None)
    return why
