"""Events of a case that come from a deadline or a limit."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LeaseLapsed:
    """The lease expired."""


@dataclass(frozen=True, slots=True)
class ReviewLate:
    """The review deadline passed. The case moves to the front; nothing is decided by time alone."""


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """The deadline of the state, or of the whole case, passed."""


@dataclass(frozen=True, slots=True)
class RedressEnded:
    """The time to appeal a declined case passed: its personal data is erased."""


@dataclass(frozen=True, slots=True)
class AttemptsExhausted:
    """The limit of wrong codes or words was reached: a lead must decide."""


ByClock = LeaseLapsed | ReviewLate | DeadlinePassed | RedressEnded | AttemptsExhausted
