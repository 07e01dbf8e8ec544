"""When a message that failed is sent again, and when it is given up."""

from hypothesis import given
from hypothesis import strategies as st

from broker.actions.outbox import logout_tokens, notices, pings
from broker.actions.outbox.retry_policy import JITTER, RetryPolicy, next_attempt

NOW = 1_800_000_000.0
POLICIES = st.builds(RetryPolicy, st.none() | st.integers(1, 30), st.floats(1, 100), st.floats(100, 10_000))
CHANCES = st.floats(0, 1, exclude_max=True)


@given(POLICIES, st.integers(1, 1000), CHANCES)
def test_delays_double_up_to_the_maximum_within_the_jitter(policy: RetryPolicy, tries: int, chance: float) -> None:
    at = next_attempt(policy, tries, NOW, None, chance)
    if policy.max_attempts is not None and tries >= policy.max_attempts:
        assert at is None
        return
    assert at is not None
    delay = min(policy.max_delay, policy.min_delay * 2.0 ** min(tries - 1, 60))
    assert NOW + delay * (1 - JITTER) - 1e-6 <= at <= NOW + delay * (1 + JITTER) + 1e-6


@given(POLICIES, st.integers(1, 1000), CHANCES, st.floats(0, 20_000))
def test_a_message_is_given_up_if_it_expires_before_the_next_attempt(
    policy: RetryPolicy, tries: int, chance: float, left: float
) -> None:
    unlimited = next_attempt(policy, tries, NOW, None, chance)
    at = next_attempt(policy, tries, NOW, NOW + left, chance)
    assert at == (None if unlimited is None or unlimited >= NOW + left else unlimited)


def test_chance_moves_the_next_attempt() -> None:
    policy = RetryPolicy(None, 100, 100)
    assert next_attempt(policy, 1, NOW, None, 0) == NOW + 75
    assert next_attempt(policy, 1, NOW, None, 0.5) == NOW + 100


def test_every_kind_of_message_has_the_attempts_and_delays_that_it_promises() -> None:
    def delays(policy: RetryPolicy) -> list[float]:
        times = (next_attempt(policy, tries, NOW, None, 0.5) for tries in range(1, 21))
        return [at - NOW for at in times if at is not None]

    assert delays(notices.TERMS.retry) == [60] * 20
    assert delays(pings.TERMS.retry) == [10, 20, 40, 80, 160]
    hours = sum(delays(logout_tokens.TERMS.retry)) / 3600
    assert 10 < hours < 12
    assert delays(logout_tokens.TERMS.retry)[:3] == [5, 10, 20]
