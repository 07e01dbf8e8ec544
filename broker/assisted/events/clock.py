"""Events of a case that come from a deadline or a limit."""

from dataclasses import dataclass

from broker.assisted.events.appointments import SlotsByClock


@dataclass(frozen=True, slots=True)
class LeaseLapsed:
    """The lease expired."""


@dataclass(frozen=True, slots=True)
class PromiseMissed:
    """The time by which staff promised to talk to the citizen passed. The case keeps its place in line."""


@dataclass(frozen=True, slots=True)
class ReviewLate:
    """The review deadline passed. The case moves to the front; nothing is decided by time alone."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The time passed in which the agent could correct the decision: it takes effect."""


@dataclass(frozen=True, slots=True)
class HoldLate:
    """The time by which a lead looks at a held case passed. The case moves to the front; nothing is decided by time."""


@dataclass(frozen=True, slots=True)
class CallBackLapsed:
    """The time for a call passed: its code no longer counts, and the citizen may ask for another call."""


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """The deadline of the state, or of the whole case, passed."""


@dataclass(frozen=True, slots=True)
class RedressEnded:
    """The time to appeal a declined case passed: its personal data is erased."""


@dataclass(frozen=True, slots=True)
class AttemptsExhausted:
    """The limit of wrong codes or words was reached: a lead must decide."""


ByClock = (
    LeaseLapsed
    | PromiseMissed
    | ReviewLate
    | Settled
    | HoldLate
    | CallBackLapsed
    | DeadlinePassed
    | RedressEnded
    | AttemptsExhausted
    | SlotsByClock
)
