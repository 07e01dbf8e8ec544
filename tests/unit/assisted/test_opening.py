"""Opening hours: working days, holidays and time zones of staff, channels and offices."""

from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

from broker.assisted.opening import BusinessHours

LONDON = BusinessHours(time_zone="Europe/London", holidays=("2026-12-25", "2026-12-28"))


def at(text: str, zone: str = "Europe/London") -> float:
    """A moment of a wall clock."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def text(moment: float) -> str:
    """A moment as a wall clock in London shows it."""
    return datetime.fromtimestamp(moment, UTC).astimezone(ZoneInfo("Europe/London")).isoformat(timespec="minutes")


def test_the_hours_of_a_holiday_and_of_a_weekend_are_left_out() -> None:
    days = [text(opens)[:10] for opens, _ in islice(LONDON.spans(at("2026-12-24 12:00")), 3)]
    assert days == ["2026-12-24", "2026-12-29", "2026-12-30"]
    assert text(LONDON.after(at("2026-12-24 16:00"), 2 * 3600)) == "2026-12-29T10:00+00:00"


def test_the_next_hours_are_those_that_last_now_or_come_next() -> None:
    assert LONDON.next_span(at("2026-12-24 12:00")) == (at("2026-12-24 09:00"), at("2026-12-24 17:00"))
    assert LONDON.next_span(at("2026-12-24 17:00")) == (at("2026-12-29 09:00"), at("2026-12-29 17:00"))


def test_hours_follow_the_wall_clock_over_a_change_of_summer_time() -> None:
    sundays = BusinessHours(("sun",), time_zone="Europe/London")
    opens, closes = next(sundays.spans(at("2027-03-28 00:00")))
    assert (text(opens), text(closes)) == ("2027-03-28T09:00+01:00", "2027-03-28T17:00+01:00")


def test_hours_that_hold_no_day_within_a_year_have_no_next_ones() -> None:
    closed = BusinessHours(
        ("mon",),
        holidays=tuple(
            text(opens)[:10]
            for opens, _ in islice(BusinessHours(("mon",), time_zone="Europe/London").spans(at("2027-01-01 00:00")), 60)
        ),
        time_zone="Europe/London",
    )
    assert closed.next_span(at("2027-01-01 00:00")) is None
