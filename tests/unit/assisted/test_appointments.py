"""Appointments: free times, what may happen to a case with one, and the calendar file as another library reads it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.assisted import events as ev
from broker.assisted.appointment_rules import last_slot
from broker.assisted.appointments import Bookable, bookable, calendar_entry, free_slots, made, times
from broker.assisted.case import Case
from broker.assisted.case_records import Appointment, Channel
from broker.assisted.case_states import CaseState
from broker.assisted.deadlines import due_event
from broker.assisted.opening import DAY, BusinessHours, ChannelSettings, Office
from broker.assisted.transitions import TransitionRefused, advance
from tests.unit.assisted.cases import (
    AGENT,
    CLAIM,
    LEAD,
    NOW,
    SUBMIT,
    TERMS,
    WAIT,
    appointment,
    held_back,
    standing,
    walked,
)

S = CaseState
HOURS = BusinessHours(time_zone="Europe/London", holidays=("2027-01-18",))
OFFICE = Office("central", {"en": "Central library"}, "1 High Street", HOURS, rooms=2, slot=3600)
PLACE = Bookable("central", Channel.IN_PERSON, HOURS, 2, 3600, OFFICE)
FRIDAY = datetime(2027, 1, 15, tzinfo=UTC).timestamp()


def scheduled(begins: float = NOW + 3 * DAY) -> Case:
    """A case with an appointment."""
    return walked(*SUBMIT, ev.Scheduled(appointment(begins)))


# --- times ---


def test_times_are_the_whole_slots_of_the_opening_hours_without_holidays() -> None:
    found = [datetime.fromtimestamp(begins, UTC).isoformat() for begins, _ in times(PLACE, FRIDAY, FRIDAY + 5 * DAY)]
    assert (found[0], found[7], found[8]) == (
        "2027-01-15T09:00:00+00:00",
        "2027-01-15T16:00:00+00:00",
        "2027-01-19T09:00:00+00:00",
    )
    assert len(found) == 8 + 8


def test_a_time_is_free_until_every_room_is_taken() -> None:
    nine = FRIDAY + 9 * 3600
    free = free_slots(PLACE, {nine: [0], nine + 3600: [1, 0]}, FRIDAY, FRIDAY + DAY)
    assert (free[0].begins, free[0].rooms) == (nine, (1,))
    assert (free[1].begins, free[1].rooms) == (nine + 2 * 3600, (0, 1))


@given(st.integers(300, 8 * 3600), st.integers(0, 3 * 86400), st.integers(0, 10 * 86400))
def test_no_two_times_overlap_and_each_lies_in_the_hours(slot: int, since: int, span: int) -> None:
    place = replace(PLACE, slot=slot)
    found = list(times(place, FRIDAY + since, FRIDAY + since + span))
    assert all(end <= begin for (_, end), (begin, _) in pairwise(found))
    for begins, ends in found:
        opens, closes = HOURS.next_span(begins) or (0, 0)
        assert opens <= begins < ends <= closes


def test_offices_take_appointments_in_person_and_channels_their_own() -> None:
    channels = {Channel.VIDEO: ChannelSettings(appointments=3, slot=1200)}
    closed = replace(OFFICE, id="closed", rooms=0)
    assert [one.id for one in bookable(Channel.IN_PERSON, channels, (OFFICE, closed), HOURS)] == ["central"]
    assert bookable(Channel.PHONE, channels, (OFFICE,), HOURS) == ()
    [video] = bookable(Channel.VIDEO, channels, (OFFICE,), HOURS)
    assert (video.id, video.rooms, video.slot, video.office, video.hours) == ("video", 3, 1200, None, HOURS)


# --- the case ---


def test_an_appointment_must_lie_ahead_and_before_the_last_day_of_the_case() -> None:
    case = standing(S.QUEUED)
    for begins in (NOW, NOW - 60, last_slot(case) + 1):
        assert held_back(case, ev.Scheduled(appointment(begins))) is TransitionRefused.NO_SUCH_TIME
        assert held_back(case, ev.SlotMoved("clerk-1", appointment(begins))) is TransitionRefused.NO_SUCH_TIME
    assert walked(ev.Scheduled(appointment(last_slot(case))), case=case).state is S.SCHEDULED


def test_when_the_appointment_begins_the_citizen_waits_in_line() -> None:
    case = scheduled()
    begins = NOW + 3 * DAY
    assert due_event(case, begins - DAY - 1) is None
    assert case.due == begins - DAY
    reminded = case
    for moment in (begins - DAY, begins - 3600):
        assert due_event(reminded, moment) == ev.ReminderDue()
        reminded = walked(ev.ReminderDue(), case=reminded, now=moment)
        assert due_event(reminded, moment) is None
    assert reminded.due == begins
    assert due_event(reminded, begins) == ev.SlotReached()
    there = walked(ev.SlotReached(), case=reminded, now=begins)
    assert (there.state, there.deadline, there.appointment) == (S.QUEUED, there.expires, reminded.appointment)
    assert due_event(there, begins + DAY - 60) is None


def test_both_reminders_that_are_overdue_are_one() -> None:
    after = walked(ev.ReminderDue(), case=scheduled(), now=NOW + 3 * DAY - 60)
    assert after.appointment is not None
    assert after.appointment.reminders == ()


def test_a_citizen_who_did_not_come_chooses_again_and_it_is_counted() -> None:
    there = walked(ev.SlotReached(), case=scheduled(), now=NOW + 3 * DAY)
    after = walked(ev.NoShow("clerk-1"), case=there, now=NOW + 3 * DAY + 600)
    assert (after.state, after.missed, after.appointment) == (S.REQUESTED, 1, None)
    claimed = walked(ev.Claimed(AGENT), case=there, now=NOW + 3 * DAY)
    assert held_back(claimed, ev.NoShow("clerk-1"), NOW + 3 * DAY + 60) is TransitionRefused.NOT_HOLDER
    mine = walked(ev.NoShow(AGENT), case=claimed, now=NOW + 3 * DAY + 60)
    assert (mine.agent, mine.lease) == (None, None)


@pytest.mark.parametrize("case", [walked(*WAIT), walked(*CLAIM)])
def test_without_an_appointment_nobody_can_miss_it(case: Case) -> None:
    assert held_back(case, ev.NoShow(AGENT)) is TransitionRefused.NOT_NOW


def test_a_citizen_who_comes_by_waits_at_once_and_the_appointment_is_free() -> None:
    after = walked(ev.WalkedIn("clerk-1"), case=scheduled(), now=NOW + 60)
    assert (after.state, after.appointment, after.queued) == (S.QUEUED, None, NOW + 60)


def test_what_was_asked_for_changes_but_not_the_channel_of_an_appointment() -> None:
    changed = ev.Changed(SUBMIT[0].contact, Channel.PHONE, SUBMIT[0].safety, (), None, standing(S.QUEUED).intake)  # type: ignore[attr-defined]
    assert held_back(scheduled(), changed) is TransitionRefused.NOT_NOW
    after = walked(ev.SlotCancelled(), changed, case=scheduled())
    assert (after.state, after.channel) == (S.REQUESTED, Channel.PHONE)
    assert held_back(standing(S.CLAIMED), changed) is TransitionRefused.NOT_NOW


def test_an_appointment_and_what_was_said_are_erased_with_the_case() -> None:
    after = walked(ev.Withdrawn(), case=scheduled())
    assert (after.appointment, after.second_contact, after.intake.name) == (None, None, "")
    held = walked(ev.Held(LEAD, "doubt"), case=scheduled())
    assert advance(held, ev.SlotReached(), NOW + 3 * DAY, TERMS) is held


# --- the calendar ---


def test_a_calendar_of_another_library_reads_the_entry() -> None:
    booked = made("b", PLACE, free_slots(PLACE, {}, FRIDAY, FRIDAY + DAY)[0], FRIDAY)
    place = "Llyfrgell ganolog; 1, High Street\\Ardle " + "مكتبة " * 12
    content = calendar_entry(booked, "P4TR-1@id.test", 2, ("Your identity, reference P4TR", place), FRIDAY + 60)
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    calendar = icalendar.Calendar.from_ical(content)
    [entry] = calendar.walk("VEVENT")
    assert entry.decoded("dtstart") == datetime(2027, 1, 15, 9, tzinfo=UTC)
    assert entry.decoded("dtend") == datetime(2027, 1, 15, 10, tzinfo=UTC)
    assert (str(entry["uid"]), int(entry["sequence"]), str(entry["status"])) == ("P4TR-1@id.test", 2, "CONFIRMED")
    assert (str(entry["summary"]), str(entry["location"])) == ("Your identity, reference P4TR", place.rstrip() + " ")
    alarms = [alarm.decoded("trigger") for alarm in calendar.walk("VALARM")]
    assert alarms == [-timedelta(days=1), -timedelta(hours=1)]


@given(st.text(max_size=200))
def test_any_text_survives_the_calendar_or_loses_only_control_characters(text: str) -> None:
    booked = Appointment("b", "central", 0, FRIDAY, FRIDAY + 60)
    plain = "".join(letter for letter in text.replace("\n", " ") if letter.isprintable())
    content = calendar_entry(booked, "u", 0, (plain, "x"), FRIDAY)
    [entry] = icalendar.Calendar.from_ical(content).walk("VEVENT")
    assert str(entry["summary"]) == plain
