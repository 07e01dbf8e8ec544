"""Checks of `[assisted]`: hours, holidays and time zones of staff, channels and offices."""

import re
from collections.abc import Iterator
from datetime import date
from zoneinfo import ZoneInfo

from broker.assisted.case_records import Channel
from broker.assisted.deadlines import CasePolicy
from broker.assisted.opening import WEEK, BusinessHours
from broker.platform.toml_loader import Problem

_OFFICE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def check_assisted(policy: CasePolicy) -> Iterator[Problem]:
    """Checks hours, and that each office can be named."""
    yield from check_hours("assisted.hours", policy.hours)
    for channel, settings in policy.channels.items():
        if settings.hours is not None:
            yield from check_hours(f"assisted.channels.{channel}.hours", settings.hours)
        if channel is Channel.IN_PERSON and settings.appointments:
            fix = "write `rooms` under [[assisted.offices]] instead"
            yield Problem(f"assisted.channels.{channel}.appointments", "offices take these appointments", fix)
    known: set[str] = set()
    for i, office in enumerate(policy.offices):
        place = f"assisted.offices[{i}]"
        if not _OFFICE.fullmatch(office.id) or office.id in set(Channel):
            fix = "write 1 to 40 small letters, digits and hyphens, and not the name of a channel"
            yield Problem(f"{place}.id", "this cannot name an office", fix)
        if office.id in known:
            yield Problem(f"{place}.id", "another office has this id", "give each office an id of its own")
        known.add(office.id)
        if not office.names:
            yield Problem(f"{place}.names", "the office has no name", 'write such as { en = "Central library" }')
        yield from check_hours(f"{place}.hours", office.hours)


def check_hours(place: str, hours: BusinessHours) -> Iterator[Problem]:
    """Checks days, times, holidays and the time zone of working hours."""
    for i, day in enumerate(hours.days):
        if day not in WEEK:
            yield Problem(f"{place}.days[{i}]", "no such day", f"write one of {', '.join(WEEK)}")
    for name, text in (("opens", hours.opens), ("closes", hours.closes)):
        if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
            yield Problem(f"{place}.{name}", "this is not a time of day", 'write such as "09:00"')
    if not hours.days or hours.opens >= hours.closes:
        yield Problem(place, "there are no working hours", "list days, and write opens before closes")
    for i, text in enumerate(hours.holidays):
        if not is_date(text):
            yield Problem(f"{place}.holidays[{i}]", "this is not a date", 'write such as "2027-12-25"')
    yield from check_zone(f"{place}.time_zone", hours.time_zone)


def is_date(text: str) -> bool:
    """Whether a text is a date of the form 2027-12-25."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def check_zone(place: str, zone: str) -> Iterator[Problem]:
    """Checks that a time zone is known."""
    try:
        if zone != "UTC":
            ZoneInfo(zone)
    except (OSError, ValueError, KeyError):
        fix = 'write such as "Europe/London", as the time zone database of this machine (tzdata) names it'
        yield Problem(place, "no such time zone", fix)
