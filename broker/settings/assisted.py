"""What broker.toml may say about verification by a person: `[assisted]`."""

from dataclasses import dataclass
from typing import Annotated

from broker.platform.toml_loader import Range, Seconds

HOUR = 3600
DAY = 86400


@dataclass(frozen=True, slots=True)
class BusinessHoursSettings:
    """When staff work. Deadlines in working hours pass only then."""

    days: tuple[str, ...] = ("mon", "tue", "wed", "thu", "fri")
    """Days of the week: mon, tue, wed, thu, fri, sat, sun."""
    opens: str = "09:00"
    """When the working day begins."""
    closes: str = "17:00"
    """When it ends."""
    time_zone: str = "UTC"
    """The time zone of both, such as "Europe/London"."""


@dataclass(frozen=True, slots=True)
class AssistedSettings:
    """Verification by a person, for citizens whose own way failed. The times are those of a verification case."""

    enabled: bool = True
    """Whether help from a person is offered at all."""
    draft: Annotated[Seconds, Range(600, 7 * DAY)] = 24 * HOUR
    """A request for help that was begun and not sent."""
    requested: Annotated[Seconds, Range(HOUR, 90 * DAY)] = 14 * DAY
    """From the request until somebody must have attended to it."""
    lease: Annotated[Seconds, Range(60, 8 * HOUR)] = 30 * 60
    """How long an agent holds a claimed case without doing anything; then it goes back to the queue."""
    review: Annotated[Seconds, Range(600, 30 * DAY)] = 4 * HOUR
    """Working hours within which a second person must have reviewed."""
    bind: Annotated[Seconds, Range(HOUR, 30 * DAY)] = 48 * HOUR
    """From the approval until the citizen must have come back."""
    bind_by_post: Annotated[Seconds, Range(DAY, 60 * DAY)] = 7 * DAY
    """The same where a code goes out by post."""
    max_duration: Annotated[Seconds, Range(DAY, 120 * DAY)] = 16 * DAY
    """The longest a case may take altogether."""
    collect: Annotated[Seconds, Range(HOUR, 30 * DAY)] = DAY
    """How long a bound identity waits for the service that asked for it."""
    redress: Annotated[Seconds, Range(DAY, 366 * DAY)] = 30 * DAY
    """How long a declined case can be complained about."""
    code_by_phone: Annotated[Seconds, Range(60, HOUR)] = 10 * 60
    """How long a confirmation code sent to a telephone can be entered."""
    code_by_email: Annotated[Seconds, Range(60, 7 * DAY)] = 24 * HOUR
    """How long a confirmation code sent by email can be entered."""
    code_by_post: Annotated[Seconds, Range(DAY, 60 * DAY)] = 7 * DAY
    """How long a confirmation code sent by post can be entered."""
    max_code_attempts: Annotated[int, Range(1, 10)] = 5
    """How many times a confirmation code may be wrong."""
    max_codes: Annotated[int, Range(1, 20)] = 5
    """How many confirmation codes go out in one case."""
    max_evidence_requests: Annotated[int, Range(0, 10)] = 2
    """How many times an agent may ask for more evidence."""
    random_review: Annotated[float, Range(0, 1)] = 0.05
    """The share of decisions that a second person reviews without any other cause. Drawn after the decision."""
    repeated_use: Annotated[int, Range(2, 100)] = 3
    """From this case on for one document or telephone number a second person must review."""
    hours: BusinessHoursSettings = BusinessHoursSettings()
