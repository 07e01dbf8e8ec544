"""Opening hours: of staff, of each channel and of each office, with holidays and a time zone of their own.

The records are also the tables `[assisted.hours]`, `[assisted.channels.*]` and `[[assisted.offices]]` of broker.toml:
the text under each field is its documentation.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as time_of_day
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from broker.platform.toml_loader import Range, Seconds

MINUTE = 60
DAY = 24 * 3600
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

LOOK_AHEAD = 366
"""Days in which the next opening is looked for."""


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """Working hours of staff. Deadlines in working hours elapse only then."""

    days: tuple[str, ...] = WEEK[:5]
    """Days of the week: mon, tue, wed, thu, fri, sat, sun."""
    opens: str = "09:00"
    """Start of the working day."""
    closes: str = "17:00"
    """End of the working day."""
    time_zone: str = "UTC"
    """Time zone of `opens` and `closes`, such as "Europe/London"."""
    holidays: tuple[str, ...] = ()
    """Days without work, such as "2027-12-25"."""

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
        left = work
        for opens, closes in self.spans(start):
            begins = max(start, opens)
            if begins + left <= closes:
                return begins + left
            left -= max(0.0, closes - begins)
        raise ValueError("the hours end")

    def spans(self, start: float) -> Iterator[tuple[float, float]]:
        """Opening and closing (seconds since 1970 UTC) of each working day, from the day of `start` on, without end."""
        zone, holidays = self.zone(), set(self.holidays)
        day = datetime.fromtimestamp(start, zone).date()
        while True:
            if WEEK[day.weekday()] in self.days and day.isoformat() not in holidays:
                yield self._moment(day, self.opens, zone), self._moment(day, self.closes, zone)
            day += timedelta(days=1)

    def next_span(self, now: float) -> tuple[float, float] | None:
        """Opening and closing of the hours that last now or begin next; None if there are none within a year."""
        for opens, closes in self.spans(now):
            if closes > now:
                return (opens, closes) if opens < now + LOOK_AHEAD * DAY else None
        return None

    def _moment(self, day: date, clock: str, zone: tzinfo) -> float:
        return datetime.combine(day, time_of_day.fromisoformat(clock), zone).timestamp()


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """How one channel is run: `[assisted.channels.video]`, and the same for `phone`, `phone_and_post` and
    `in_person`."""

    enabled: bool = True
    """Whether citizens may choose the channel."""
    hours: BusinessHours | None = None
    """Its opening hours; left out: `[assisted.hours]`."""
    appointments: Annotated[int, Range(0, 200)] = 0
    """How many appointments it takes at once. 0: none; citizens wait in line. In person, offices take them instead."""
    slot: Annotated[Seconds, Range(5 * MINUTE, 8 * 3600)] = 30 * MINUTE
    """Length of an appointment."""
    promise: Annotated[Seconds, Range(10 * MINUTE, 30 * DAY)] | None = None
    """Within which time of its opening hours staff talk to a citizen who waits in line. Citizens read it only while it
    holds, and what was missed is counted. Left out: nothing is promised. `[assisted.files] promise` is for files."""


@dataclass(frozen=True, slots=True)
class VideoRoomSettings:
    """The operator's own tool for meetings by video: an agent opens a room in the console, and sends its link."""

    url: str
    """URL that takes a POST of `{"request_id"}` as JSON and answers `{"link"}`."""
    links: str
    """How every link to a room begins, such as `https://rooms.example/`. Other links are refused."""
    authorization_file: Path | None = None
    """The file that holds the value of the header `Authorization`, and nothing else."""


@dataclass(frozen=True, slots=True)
class Office:
    """A place to which citizens come, by appointment or without."""

    id: str
    """A short name that never changes, such as "central"."""
    names: Mapping[str, str]
    """Its name by language."""
    address: str
    """Its address, in lines separated by commas."""
    hours: BusinessHours = field(default_factory=BusinessHours)
    """Its opening hours."""
    rooms: Annotated[int, Range(0, 200)] = 1
    """How many citizens it serves at once. 0: it takes no appointments."""
    slot: Annotated[Seconds, Range(5 * MINUTE, 8 * 3600)] = 30 * MINUTE
    """Length of an appointment."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """What citizens should know of it, by language, such as that it is reached without steps."""
