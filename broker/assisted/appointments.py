"""Appointments: times that an office or a channel offers, and which of them are free.

The times are computed from the settings; only a time that was taken is stored, with the number of its room. Of two
citizens who take the last room at once one succeeds, by the store's unique key.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from broker.assisted.case_records import Appointment, Channel
from broker.assisted.opening import DAY, BusinessHours, ChannelSettings, Office

REMINDERS = (DAY, 3600)
"""How long (seconds) before an appointment the citizen is reminded."""


@dataclass(frozen=True, slots=True)
class Bookable:
    """What takes appointments: an office (`office` is set), or a channel in which staff call the citizen."""

    id: str
    channel: Channel
    hours: BusinessHours
    rooms: int
    slot: int
    office: Office | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """A time at which an appointment may be. `rooms` are those that are free, by number."""

    begins: float
    ends: float
    rooms: tuple[int, ...]


def bookable(
    channel: Channel, channels: Mapping[Channel, ChannelSettings], offices: Collection[Office], hours: BusinessHours
) -> tuple[Bookable, ...]:
    """What takes appointments for a channel. `hours` are those of a channel without its own."""
    if channel is Channel.IN_PERSON:
        return tuple(Bookable(one.id, channel, one.hours, one.rooms, one.slot, one) for one in offices if one.rooms > 0)
    settings = channels.get(channel, ChannelSettings())
    if settings.appointments == 0:
        return ()
    return (Bookable(channel.value, channel, settings.hours or hours, settings.appointments, settings.slot),)


def times(place: Bookable, since: float, until: float) -> Iterator[tuple[float, float]]:
    """Beginning and end of each appointment that begins between two moments, in order."""
    for opens, closes in place.hours.spans(since):
        if opens >= until:
            return
        begins = opens
        while begins + place.slot <= closes:
            if since <= begins < until:
                yield begins, begins + place.slot
            begins += place.slot


def free_slots(place: Bookable, taken: Mapping[float, Collection[int]], since: float, until: float) -> tuple[Slot, ...]:
    """The times between two moments at which a room is free. `taken` are the rooms that are not, by beginning."""
    found = []
    for begins, ends in times(place, since, until):
        rooms = tuple(room for room in range(place.rooms) if room not in taken.get(begins, ()))
        if rooms:
            found.append(Slot(begins, ends, rooms))
    return tuple(found)


def local_day(place: Bookable, moment: float) -> date:
    """The day of a moment at a place."""
    return datetime.fromtimestamp(moment, place.hours.zone()).date()


def made(booking: str, place: Bookable, slot: Slot, now: float) -> Appointment:
    """An appointment in the first free room, with the reminders that are still to come."""
    reminders = tuple(slot.begins - before for before in REMINDERS if slot.begins - before > now)
    return Appointment(booking, place.id, slot.rooms[0], slot.begins, slot.ends, reminders)


def reminded(appointment: Appointment, now: float) -> Appointment:
    """The appointment without the reminders that are due."""
    return replace(appointment, reminders=tuple(moment for moment in appointment.reminders if moment > now))


# --- calendar ---


def calendar_entry(appointment: Appointment, uid: str, sequence: int, texts: tuple[str, str], now: float) -> bytes:
    """An appointment as an iCalendar file (RFC 5545), in UTC, with alarms a day and an hour before.

    `sequence` grows with each move, so that a calendar replaces the entry with the same `uid`. `texts` are the summary
    and the place.
    """
    summary, place = texts
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Portico//Appointments//EN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{uid}",
        f"SEQUENCE:{sequence}",
        f"DTSTAMP:{_utc(now)}",
        f"DTSTART:{_utc(appointment.begins)}",
        f"DTEND:{_utc(appointment.ends)}",
        f"SUMMARY:{_escaped(summary)}",
        f"LOCATION:{_escaped(place)}",
        "STATUS:CONFIRMED",
    ]
    for trigger in ("-P1D", "-PT1H"):
        lines += [
            "BEGIN:VALARM",
            "ACTION:DISPLAY",
            f"DESCRIPTION:{_escaped(summary)}",
            f"TRIGGER:{trigger}",
            "END:VALARM",
        ]
    lines += ["END:VEVENT", "END:VCALENDAR"]
    return b"".join(_folded(line) for line in lines)


def _utc(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y%m%dT%H%M%SZ")


def _escaped(text: str) -> str:
    """A value of type TEXT (RFC 5545 3.3.11), without control characters."""
    plain = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")
    return "".join(letter for letter in plain if letter >= " " and letter != "\x7f")


def _folded(line: str) -> bytes:
    """A line in at most 75 bytes, continued on lines that begin with a space (RFC 5545 3.1). No letter is cut."""
    parts, part = [], b""
    for letter in line:
        raw = letter.encode()
        if len(part) + len(raw) > 75:
            parts.append(part)
            part = b" "
        part += raw
    return b"\r\n".join([*parts, part]) + b"\r\n"
