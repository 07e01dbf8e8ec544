"""The terms of a case: how long and how often things may last and happen, and which clock has run out."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as time_of_day
from zoneinfo import ZoneInfo

from broker.assisted.case import WITH_AGENT, Case, CaseState, Channel, ContactMethod
from broker.assisted.events import ByClock, DeadlinePassed, LeaseLapsed, RedressEnded, ReviewLate

HOUR = 3600
DAY = 24 * HOUR
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """When staff work: on `days` (mon to sun), from `opens` to `closes` (HH:MM), in the time zone `time_zone`.

    Raises ValueError for hours in which nobody would ever work, and for words that are no day, time or zone.
    """

    days: tuple[str, ...] = WEEK[:5]
    opens: str = "09:00"
    closes: str = "17:00"
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        """Refuses what no clock could follow."""
        if not self.days or not set(self.days) <= set(WEEK):
            raise ValueError(f"working days are one or more of {', '.join(WEEK)}")
        if time_of_day.fromisoformat(self.opens) >= time_of_day.fromisoformat(self.closes):
            raise ValueError("working hours must open before they close")
        self.place()

    def place(self) -> tzinfo:
        """The time zone. Raises ValueError if it is unknown."""
        if self.time_zone == "UTC":
            return UTC
        try:
            return ZoneInfo(self.time_zone)
        except (OSError, ValueError, KeyError) as fault:
            raise ValueError(f"unknown time zone {self.time_zone!r}") from fault

    def after(self, start: float, work: float) -> float:
        """The moment when `work` seconds of working time have passed since `start` (both since 1970 UTC)."""
        zone = self.place()
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
    """How long everything may last (seconds), and how often it may happen.

    `bind` is the time to take up an approved identity, `bind_by_post` where the code travels by post; `collect` how
    long a bound identity waits for the service that asked.
    The `code_by_` terms say how long a confirmation code is good, by the way it went; `max_code_attempts` how many may
    be wrong, `max_codes` how many go out. `random_review` is the share of approvals reviewed by chance, `repeated_use`
    the number of the case on one document or telephone number from which on a second person looks.
    """

    draft: int = DAY
    requested: int = 14 * DAY
    lease: int = 30 * 60
    review: int = 4 * HOUR
    bind: int = 2 * DAY
    bind_by_post: int = 7 * DAY
    max_duration: int = 16 * DAY
    collect: int = DAY
    redress: int = 30 * DAY
    code_by_phone: int = 10 * 60
    code_by_email: int = DAY
    code_by_post: int = 7 * DAY
    max_code_attempts: int = 5
    max_codes: int = 5
    max_evidence_requests: int = 2
    random_review: float = 0.05
    repeated_use: int = 3
    hours: BusinessHours = field(default_factory=BusinessHours)

    def code(self, way: ContactMethod) -> int:
        """How long a confirmation code is good that went this way."""
        return {
            ContactMethod.PHONE: self.code_by_phone,
            ContactMethod.EMAIL: self.code_by_email,
            ContactMethod.POST: self.code_by_post,
        }[way]


def deadline(case: Case, state: CaseState, now: float, terms: CasePolicy) -> float | None:
    """When `state`, entered `now`, lapses; None where only the clock of the whole case runs.

    The queue takes the time left of the citizen's request along, so that going back and forth wins nobody time.
    """
    match state:
        case CaseState.DRAFT:
            return now + terms.draft
        case CaseState.REQUESTED:
            return now + terms.requested
        case CaseState.QUEUED:
            return case.expires if case.state is CaseState.HELD else requested(case) + terms.requested
        case CaseState.CLAIMED | CaseState.IN_SESSION | CaseState.DECISION:
            return case.deadline
        case CaseState.REVIEW:
            return terms.hours.after(now, terms.review)
        case CaseState.APPROVED:
            return now + (terms.bind_by_post if case.channel is Channel.PHONE_AND_POST else terms.bind)
        case CaseState.BOUND:
            return now + terms.collect
        case CaseState.DECLINED:
            return now + terms.redress
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
