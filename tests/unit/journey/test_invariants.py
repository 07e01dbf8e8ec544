"""Invariants of a transaction under any events, in any order, from any stale copy (property-based)."""

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from broker.journey.events import (
    AnsweredBefore,
    AnswerReceived,
    AttemptFailed,
    BrowserChanged,
    Event,
    GaveUp,
    HelpEnded,
    HelpRequested,
    HelpResumed,
    IdentityProven,
    NoRouteFound,
    ProviderChosen,
    Queued,
    QueueLeft,
    ServiceAnswered,
    SessionAccepted,
    SharingDeclined,
    TimeRanOut,
)
from broker.journey.transaction import ENDED, QueuePlace, Transaction, TransactionState
from broker.journey.transitions import advance, due_event
from broker.model.assurance import Level
from broker.model.failures import FailureClass
from broker.model.identity import HELP
from tests.support.examples import scaled
from tests.unit.journey.examples import BACK, NOW, PERSONAL, REFUSED, attempt, begun, identity

PROVIDERS = st.sampled_from(["alpha", "beta", HELP])
LEVELS = st.sampled_from(Level)
CASES = st.sampled_from([None, "case one", "case two"])
ACCOUNTS = st.sampled_from([f"{PERSONAL} one", f"{PERSONAL} two"])
EVENTS = st.one_of(
    st.builds(lambda p: Queued(QueuePlace(p, NOW, NOW + 60, 1.0)), PROVIDERS),
    st.just(QueueLeft()),
    st.builds(AnswerReceived, st.sampled_from(["first", "second"])),
    st.builds(AttemptFailed, st.sampled_from(FailureClass), PROVIDERS),
    st.builds(lambda p, level, case: IdentityProven(identity(p, level), case), PROVIDERS, LEVELS, CASES),
    st.builds(lambda p, level, account: SessionAccepted(identity(p, level), account), PROVIDERS, LEVELS, ACCOUNTS),
    st.builds(HelpRequested, CASES.filter(lambda case: case is not None)),
    st.just(HelpResumed()),
    st.builds(HelpEnded, st.just(FailureClass.HELP_DECLINED), CASES.filter(lambda case: case is not None)),
    st.just(NoRouteFound()),
    st.builds(ServiceAnswered, st.just("https://parking.test/back?code=c"), ACCOUNTS),
    st.just(AnsweredBefore()),
    st.just(SharingDeclined()),
    st.builds(BrowserChanged, st.sampled_from(["digest of the browser", "digest two", "digest three"])),
    st.just(GaveUp(REFUSED)),
    st.just(TimeRanOut()),
)


class RandomEvents(RuleBasedStateMachine):
    """Every copy of the record that was ever read may be acted upon; a write goes only on top of what it read."""

    def __init__(self) -> None:
        """One new transaction, in one store of one record."""
        super().__init__()
        self.now = NOW
        self.stored = begun()
        self.copies = [self.stored]
        self.answered = 0
        self.seen: list[tuple[Transaction, Event, Transaction, float]] = []

    def act(self, read: Transaction, event: Event) -> None:
        """Applies an event to a copy, and saves the outcome unless another write came first."""
        after = advance(read, event, self.now)
        self.seen.append((read, event, after, self.now))
        if after is not read and after.version == self.stored.version + 1:
            self.answered += after.state is TransactionState.ANSWERED
            self.stored = after
            self.copies.append(after)

    @rule(event=EVENTS)
    def happens(self, event: Event) -> None:
        """An event of any content reaches the record as it is."""
        self.act(self.stored, event)

    @rule(event=EVENTS, which=st.integers(0, 50))
    def happens_to_a_copy(self, event: Event, which: int) -> None:
        """A worker that read the record some time ago acts only now."""
        self.act(self.copies[which % len(self.copies)], event)

    @rule(provider=PROVIDERS, attempt_id=st.sampled_from(["first", "second"]))
    def chooses(self, provider: str, attempt_id: str) -> None:
        """The citizen chooses a provider now."""
        self.act(self.stored, ProviderChosen(attempt(attempt_id, provider, self.now)))

    @rule(level=LEVELS)
    def proves(self, level: Level) -> None:
        """The provider or case that the transaction waits for proves the identity."""
        held = self.stored.attempt
        if held is not None and self.stored.state is TransactionState.AWAY:
            self.act(self.stored, AnswerReceived(held.id))
            self.act(self.stored, IdentityProven(identity(held.provider, level)))
        elif self.stored.case is not None:
            self.act(self.stored, IdentityProven(identity(HELP, level), self.stored.case))

    @rule()
    def agrees(self) -> None:
        """The citizen agrees to share, twice at once."""
        read, account = self.stored, self.stored.account or f"{PERSONAL} one"
        for _ in range(2):
            self.act(read, ServiceAnswered(BACK, account))

    @rule(seconds=st.sampled_from([1, 16, 16 * 60, 3601, 24 * 3600, -3600]))
    def time_passes(self, seconds: int) -> None:
        """The clock advances or jumps back, and then due_event is applied."""
        self.now += seconds
        due = due_event(self.stored, self.now)
        if due is not None:
            self.act(self.stored, due)
            assert due_event(self.stored, self.now) is None

    @invariant()
    def the_service_is_answered_once_at_most(self) -> None:
        """Security, invariant 1."""
        assert self.answered <= 1

    @invariant()
    def the_identity_has_the_requested_level_and_comes_from_an_asked_provider(self) -> None:
        """Security, invariants 2 and 4."""
        for before, event, after, _ in self.seen:
            if after is before or after.state is not TransactionState.IDENTIFIED:
                continue
            assert after.identity is not None
            assert after.identity.level >= after.request.min_level
            match before.state, event:
                case TransactionState.CHECKING, IdentityProven(_, None):
                    assert before.attempt is not None
                    assert before.attempt.provider == after.identity.provider
                case TransactionState.WAITING, IdentityProven(_, case):
                    assert case is not None
                    assert case == before.case
                case TransactionState.CHOOSING, SessionAccepted():
                    pass
                case _:
                    raise AssertionError(f"identified from {before.state} by {event}")

    @invariant()
    def a_step_changes_all_or_nothing(self) -> None:
        """Security, invariant 5: an ended transaction stays as it is; every change is one version more."""
        for before, _, after, now in self.seen:
            if before.state in ENDED:
                assert after is before
            if after is not before:
                assert after.version == before.version + 1
                assert after.changed == now
                assert now < before.expires or after.state is TransactionState.EXPIRED
        self.seen.clear()

    @invariant()
    def only_what_is_in_hand_is_in_the_record(self) -> None:
        """No identity outside of IDENTIFIED, no attempt but under way, nothing personal after the end."""
        held = self.stored
        assert (held.identity is not None) == (held.state is TransactionState.IDENTIFIED)
        assert (held.attempt is not None) == (held.state in (TransactionState.AWAY, TransactionState.CHECKING))
        assert (held.queue is not None) == (held.state is TransactionState.QUEUED)
        assert (held.failure is not None) == (held.state is TransactionState.FAILED)
        assert held.account is None or held.state is TransactionState.IDENTIFIED
        assert held.case is not None or held.state is not TransactionState.WAITING
        assert (held.client_redirect is not None) == (
            held.state in (TransactionState.ANSWERED, TransactionState.REFUSED)
        )
        if not held.open:
            assert PERSONAL not in repr(replace(held, client_redirect=None))

    @invariant()
    def a_transferred_transaction_has_no_identity_of_the_browser_before(self) -> None:
        """Only the browser in which the identity was proved may answer."""
        if self.stored.browser != begun().browser:
            assert self.stored.transferred


TestRandomEvents = RandomEvents.TestCase
TestRandomEvents.settings = settings(max_examples=scaled(120), stateful_step_count=30, deadline=None)
