"""Retry policy: when a message that could not be sent is sent again, and when it is given up."""

from dataclasses import dataclass

JITTER = 0.25
"""The share by which a delay is made shorter or longer, so that what failed at one moment is not all retried at one."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff. Times are in seconds.

    The second attempt comes after `min_delay`, each further one after twice the last delay, up to `max_delay`.
    `max_attempts` counts the first attempt too; None: the message's expiry is the only limit.
    """

    max_attempts: int | None
    min_delay: float
    max_delay: float


def next_attempt(policy: RetryPolicy, tries: int, now: float, expires: float | None, chance: float) -> float | None:
    """Returns the time of the next attempt after `tries` failed ones; None if the message is given up.

    It is given up after its last attempt, and if it `expires` (None: never) before it could be sent again. `chance`
    (from 0 to below 1) places the attempt within the jitter.
    """
    if policy.max_attempts is not None and tries >= policy.max_attempts:
        return None
    delay = min(policy.max_delay, policy.min_delay * 2.0 ** min(tries - 1, 60))
    at = now + delay * (1 - JITTER + 2 * JITTER * chance)
    return None if expires is not None and at >= expires else at
