"""The deadlines of a case: how long each state may last, what may happen how often, and which deadline is due.

`CasePolicy` is also the table `[assisted]` of broker.toml: the text under each field is its documentation.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as time_of_day
from typing import Annotated
from zoneinfo import ZoneInfo

from broker.assisted.case import WITH_AGENT, Case, CaseState, Channel, ContactMethod
from broker.assisted.events import ByClock, DeadlinePassed, LeaseLapsed, RedressEnded, ReviewLate
from broker.platform.toml_loader import Range, Seconds

HOUR = 3600
DAY = 24 * HOUR
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """When staff work. Deadlines in working hours pass only then."""

    days: tuple[str, ...] = WEEK[:5]
    """Days of the week: mon, tue, wed, thu, fri, sat, sun."""
    opens: str = "09:00"
    """When the working day begins."""
    closes: str = "17:00"
    """When it ends."""
    time_zone: str = "UTC"
    """The time zone of both, such as "Europe/London"."""

    def zone(self) -> tzinfo:
        """The time zone. Raises ValueError for an unknown one, and for hours that never open: `after` would not end."""
        if not self.days or not set(self.days) <= set(WEEK):
            raise ValueError(f"working days are one or more of {', '.join(WEEK)}")
        if time_of_day.fromisoformat(self.opens) >= time_of_day.fromisoformat(self.closes):
            raise ValueError("working hours must open before they close")
        if self.time_zone == "UTC":
            return UTC
        try:
            return ZoneInfo(self.time_zone)
        except (OSError, ValueError, KeyError) as fault:
            raise ValueError(f"unknown time zone {self.time_zone!r}") from fault

    def after(self, start: float, work: float) -> float:
        """The moment when `work` seconds of working time have passed since `start` (both since 1970 UTC).

        Raises ValueError as `zone` does.
        """
        zone = self.zone()
        day = datetime.fromtimestamp(start, zone).date()
        left = work
        while True:
            if WEEK[day.weekday()] in self.days:
                begins = max(start, self._moment(day, self.opens, zone))
                closes = self._moment(day, self.closes, zone)
                if begins + left <= closes:
                    return begins + left
                left -= max(0.0, closes - begins)
            day += timedelta(days=1)

    def _moment(self, day: date, clock: str, zone: tzinfo) -> float:
        return datetime.combine(day, time_of_day.fromisoformat(clock), zone).timestamp()


@dataclass(frozen=True, slots=True)
class CasePolicy:
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
    hours: BusinessHours = field(default_factory=BusinessHours)

    def code(self, way: ContactMethod) -> int:
        """How long (seconds) a confirmation code is valid that was sent this way."""
        return {
            ContactMethod.PHONE: self.code_by_phone,
            ContactMethod.EMAIL: self.code_by_email,
            ContactMethod.POST: self.code_by_post,
        }[way]


def deadline(case: Case, state: CaseState, now: float, policy: CasePolicy) -> float | None:
    """The deadline of `state`, entered `now`; None if only the deadline of the whole case applies.

    In the queue the deadline of the citizen's request stays, so that a case that returns to the queue gains no time.
    """
    match state:
        case CaseState.DRAFT:
            return now + policy.draft
        case CaseState.REQUESTED:
            return now + policy.requested
        case CaseState.QUEUED:
            return case.expires if case.state is CaseState.HELD else requested(case) + policy.requested
        case CaseState.CLAIMED | CaseState.IN_SESSION | CaseState.DECISION:
            return case.deadline
        case CaseState.REVIEW:
            return policy.hours.after(now, policy.review)
        case CaseState.APPROVED:
            return now + (policy.bind_by_post if case.channel is Channel.PHONE_AND_POST else policy.bind)
        case CaseState.BOUND:
            return now + policy.collect
        case CaseState.DECLINED:
            return now + policy.redress
        case CaseState.HELD | CaseState.RELEASED | CaseState.WITHDRAWN | CaseState.EXPIRED | CaseState.REVOKED:
            return None


def requested(case: Case) -> float:
    """When the citizen's present request began: at the beginning, or when more evidence was asked for."""
    return max((m.at for m in case.history if m.target is CaseState.REQUESTED is not m.source), default=case.created)


def due_event(case: Case, now: float) -> ByClock | None:
    """The clock that has run out, as the event it brings about; None if none has. A clock runs out on its second.

    After the event another clock may be over: ask again until None.
    """
    if case.open and now >= case.expires:
        return DeadlinePassed()
    if case.lease is not None and now >= case.lease:
        return LeaseLapsed()
    if case.deadline is None or now < case.deadline or case.state in WITH_AGENT:
        return None
    match case.state:
        case CaseState.REVIEW:
            return None if case.late else ReviewLate()
        case CaseState.DECLINED:
            return RedressEnded()
        case _:
            return DeadlinePassed()
