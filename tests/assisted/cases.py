"""Cases for tests: made by walking the table, never by setting a state."""

from collections.abc import Iterator

from broker.assisted import events as ev
from broker.assisted.case import (
    Binding,
    Case,
    Channel,
    CheckRecord,
    Confirmation,
    Contact,
    Decision,
    EvidenceRecord,
    Outcome,
    OwnView,
    Review,
    State,
    Verdict,
    Way,
    Words,
)
from broker.assisted.clocks import Terms
from broker.assisted.table import advance
from broker.model.assurance import EvidenceType, Level

NOW = 1_800_000_000.0
"""A Friday, 08:00 in UTC, so one hour before the working day begins."""

TERMS = Terms()
AGENT, REVIEWER, LEAD = "agent-1", "reviewer-1", "lead-1"


def draft(level: Level = Level.SUBSTANTIAL, requester: str = "citizen") -> Case:
    """A case nobody has submitted yet."""
    return Case(
        id="case-1",
        version=1,
        edition=1,
        state=State.DRAFT,
        transaction="transaction-1",
        browser="browser-1",
        client_id="library",
        level=level,
        claims=("name", "birthdate"),
        language="en",
        reference="ABCD-2345",
        words=Words("amber", "kettle"),
        created=NOW,
        changed=NOW,
        deadline=NOW + TERMS.draft,
        ends=NOW + TERMS.max_duration,
        requester=requester,
        continuation="digest-of-a-code",
    )


def evidence(
    outcome: Outcome = Outcome.YES, type: EvidenceType = EvidenceType.DOCUMENT, id: str = "e1"
) -> EvidenceRecord:
    """A passport with one check."""
    reason = "the reader is broken" if outcome is Outcome.COULD_NOT else None
    checks = (CheckRecord("valid", outcome, AGENT, NOW, reason),)
    return EvidenceRecord(id, "passport", type, AGENT, NOW, {"number": "123"}, checks)


def verdict(decision: Decision = Decision.APPROVE, level: Level | None = Level.SUBSTANTIAL, by: str = AGENT) -> Verdict:
    """A decision of the agent's."""
    reasons = () if decision is Decision.APPROVE else ("documents_missing",)
    return Verdict(by, NOW, decision, reasons, level=level)


def binding(code: bool = True, words: bool = True) -> Binding:
    """The citizen takes the identity up."""
    return Binding("subject-1", NOW, Level.LOW, ("otp",), asking_browser=True, code=code, words=words)


SUBMIT: tuple[ev.Event, ...] = (ev.Submitted(Contact(Way.EMAIL, "a@example.org"), Channel.VIDEO),)
WAIT: tuple[ev.Event, ...] = (*SUBMIT, ev.Readied())
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

TO: dict[State, tuple[ev.Event, ...]] = {
    State.DRAFT: (),
    State.REQUESTED: SUBMIT,
    State.SCHEDULED: (*SUBMIT, ev.Scheduled(NOW + 3600)),
    State.QUEUED: WAIT,
    State.CLAIMED: CLAIM,
    State.IN_SESSION: MEET,
    State.DECISION: PONDER,
    State.REVIEW: REVIEW,
    State.HELD: (*WAIT, ev.Held(LEAD, "safeguarding")),
    State.APPROVED: APPROVE,
    State.BOUND: BIND,
    State.RELEASED: (*BIND, ev.Released()),
    State.DECLINED: (*PONDER, ev.Decided(verdict(Decision.DECLINE))),
    State.WITHDRAWN: (ev.Withdrawn(),),
    State.EXPIRED: (ev.TimeRanOut(),),
    State.REVOKED: (*BIND, ev.Revoked(LEAD, "fraud")),
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


def standing(state: State, case: Case | None = None) -> Case:
    """A case in a state."""
    at = NOW + TERMS.draft if state is State.EXPIRED else NOW
    return walked(*TO[state], case=case, now=at)


def examples(case: Case) -> Iterator[ev.Event]:
    """One event of every kind, by the people who have the parts in `standing` cases."""
    by = case.holder or AGENT
    yield from SUBMIT
    yield from (
        ev.Scheduled(NOW + 60),
        ev.Readied(),
        ev.Resumed("browser-2", "digest-of-a-code", "digest-2"),
        ev.Rejoined("t2"),
        ev.ContinuationDrawn("d"),
        ev.Withdrawn("found a way"),
    )
    yield ev.CodeSent(Confirmation("digest", Way.EMAIL, NOW, NOW + 60))
    yield ev.DeviceConfirmed(evidence("q-1"))
    yield from (ev.Disputed(("name",)), ev.Bound(binding()), ev.Released(), ev.Disowned(), ev.AttemptsSpent())
    yield from (ev.Claimed(AGENT), ev.Renewed(by), ev.PutBack(by, "break"), ev.SessionStarted(by, Channel.VIDEO))
    yield from (ev.WordsExchanged(by), ev.EvidenceRecorded(by, evidence()), ev.EvidenceRemoved(by, "e1"))
    yield from (ev.ChecksRecorded(by, ()), ev.DetailsRecorded(by, {"name": "Ada"}), ev.SessionDropped(by, "line dead"))
    yield from (ev.SessionEnded(by), ev.Decided(verdict(by=by)), ev.ReviewClaimed(REVIEWER))
    yield ev.ViewGiven(OwnView(by, NOW, Decision.APPROVE))
    yield ev.Reviewed(Review(by, NOW, agrees=True))
    yield from (ev.TakenBack(LEAD, "shift over"), ev.Held(LEAD, "doubt"), ev.HoldEnded(LEAD, "cleared"))
    yield from (
        ev.HoldDeclined(LEAD, ("fraud_signals",)),
        ev.Opened(LEAD, "asked"),
        ev.Flagged(AGENT, "coached"),
        ev.InterestDeclared("agent-9"),
    )
    yield from (ev.Noted(LEAD, "called twice"), ev.Revoked(LEAD, "fraud"))
    yield from (ev.LeaseLapsed(), ev.AppointmentCame(), ev.ReviewLate(), ev.TimeRanOut(), ev.RedressEnded())
