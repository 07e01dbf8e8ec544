"""The circuit breaker alone: examples, and random histories."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from providers.circuit_breaker import LEAST, PROBE_INTERVAL, SHARE, CircuitBreaker
from tests.support.watching import OPEN_FOR, WATCH, WINDOW


def opened_at(now: float) -> CircuitBreaker:
    breaker = CircuitBreaker(WATCH)
    for _ in range(LEAST):
        breaker.fail(now)
    return breaker


def record(breaker: CircuitBreaker, now: float, *, good: bool) -> None:
    (breaker.succeed if good else breaker.fail)(now)


def test_a_breaker_opens_on_the_share_of_failures_not_on_a_single_one() -> None:
    breaker = CircuitBreaker(WATCH)
    for good in (True, False, True):
        record(breaker, 0, good=good)
    assert breaker.allow(0)
    breaker.fail(1)
    assert not breaker.allow(1)
    assert breaker.opened == 1


def test_a_success_after_three_failures_does_not_open_it() -> None:
    breaker = CircuitBreaker(WATCH)
    for good in (False, False, False, True):
        record(breaker, 0, good=good)
    assert breaker.opened is None
    assert breaker.allow(0)


def test_a_success_does_not_open_it_when_earlier_successes_leave_the_window() -> None:
    breaker = CircuitBreaker(WATCH)
    for _ in range(2 * LEAST):
        breaker.succeed(0)
    for _ in range(LEAST):
        breaker.fail(WINDOW - 1)
    breaker.succeed(WINDOW)
    assert breaker.opened is None


def test_old_outcomes_count_no_more() -> None:
    breaker = CircuitBreaker(WATCH)
    for _ in range(LEAST - 1):
        breaker.fail(0)
    breaker.fail(WINDOW)
    assert breaker.allow(WINDOW)


def test_failures_of_before_the_window_or_before_a_success_that_closed_it_are_no_part_of_the_share() -> None:
    aged, closed = CircuitBreaker(WATCH), opened_at(0)
    for _ in range(LEAST - 1):
        aged.fail(0)
    closed.succeed(OPEN_FOR)
    for breaker in (aged, closed):
        for good in (True, True, True, False):
            record(breaker, WINDOW, good=good)
        assert breaker.opened is None


def test_half_open_it_lets_one_through_at_a_time_and_the_first_outcome_decides() -> None:
    for good in (True, False):
        breaker = opened_at(0)
        assert not breaker.allow(OPEN_FOR - 0.1)
        assert breaker.allow(OPEN_FOR)
        assert not breaker.allow(OPEN_FOR + PROBE_INTERVAL / 2)
        assert breaker.allow(OPEN_FOR + PROBE_INTERVAL)
        record(breaker, OPEN_FOR + 2, good=good)
        assert breaker.allow(OPEN_FOR + 2.1) is good
        assert breaker.is_open(OPEN_FOR + 2.1) is not good


def test_failures_that_come_late_do_not_keep_it_open() -> None:
    breaker = opened_at(0)
    breaker.fail(OPEN_FOR - 1)
    assert breaker.allow(OPEN_FOR)


def test_outcomes_of_a_clock_that_ran_ahead_count_no_more_when_it_is_set_back() -> None:
    breaker = CircuitBreaker(WATCH)
    for _ in range(LEAST - 1):
        breaker.fail(7200)
    breaker.fail(0)
    assert breaker.opened is None


@given(st.lists(st.tuples(st.floats(0, 40), st.booleans())))
def test_after_any_history_a_probe_is_allowed_within_thirty_seconds(steps: list[tuple[float, bool]]) -> None:
    breaker, now = CircuitBreaker(WATCH), 0.0
    for pause, good in steps:
        now += pause
        breaker.allow(now)
        record(breaker, now, good=good)
    assert any(breaker.allow(now + wait) for wait in range(30))


def eighths(most: float) -> st.SearchStrategy[float]:
    """Seconds up to so many, in steps that add up exactly: the model and the breaker then agree at every border."""
    return st.integers(0, int(most * 8)).map(lambda count: count / 8)


class Histories(RuleBasedStateMachine):
    """A breaker beside a model that records every outcome since the breaker last closed."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = CircuitBreaker(WATCH)
        self.now = 1000.0
        self.outcomes: list[tuple[float, bool]] = []

    @rule(seconds=st.one_of(eighths(3), eighths(OPEN_FOR), eighths(2 * WINDOW)))
    def wait(self, seconds: float) -> None:
        """Time alone changes nothing but what is let through."""
        before = self.breaker.opened
        self.now += seconds
        assert self.breaker.opened == before

    @rule(seconds=eighths(500))
    def set_the_clock_back(self, seconds: float) -> None:
        self.now -= seconds

    def remember(self, *, good: bool) -> None:
        """One more outcome. Forgotten are those that left the window, and those ahead, if the clock was set back."""
        kept = (one for one in self.outcomes if self.now - WINDOW < one[0] <= self.now)
        self.outcomes = [*kept, (self.now, good)]

    @rule()
    def succeed(self) -> None:
        """A success never opens the breaker nor keeps it open, also if older outcomes leave the window."""
        if self.breaker.opened is not None:
            self.outcomes = []
        self.remember(good=True)
        self.breaker.succeed(self.now)
        assert self.breaker.opened is None
        assert self.breaker.allow(self.now)

    @precondition(lambda self: self.breaker.opened is None)
    @rule()
    def fail_while_closed(self) -> None:
        """An outage opens it if, and only if, outages are the share of the window that concludes something."""
        self.remember(good=False)
        self.breaker.fail(self.now)
        window = [good for _, good in self.outcomes]
        concluded = len(window) >= LEAST and window.count(False) >= SHARE * len(window)
        assert self.breaker.opened == (self.now if concluded else None)

    @precondition(lambda self: self.breaker.opened is not None)
    @rule()
    def fail_while_open(self) -> None:
        """An outage while the breaker rejects every sign-in does not extend that; a later one starts it again."""
        before, still = self.breaker.opened, self.breaker.is_open(self.now)
        self.breaker.fail(self.now)
        assert self.breaker.opened == (before if still else self.now)

    @rule()
    def ask(self) -> None:
        """Closed it permits every sign-in; open none; half open one a second."""
        admitted = self.breaker.allow(self.now)
        if self.breaker.opened is None:
            assert admitted
        elif self.breaker.is_open(self.now):
            assert not admitted
        elif admitted:
            assert not self.breaker.allow(self.now)

    @invariant()
    def a_probe_is_admitted_soon(self) -> None:
        if self.breaker.opened is not None and self.breaker.opened <= self.now:
            assert not self.breaker.is_open(self.now + OPEN_FOR)


TestHistories = Histories.TestCase
