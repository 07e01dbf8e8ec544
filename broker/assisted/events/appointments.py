"""Events of a case about its appointment: from the citizen, from staff (`by`), and from the clock."""

from dataclasses import dataclass

from broker.assisted.case_records import Appointment

# --- the citizen ---


@dataclass(frozen=True, slots=True)
class Scheduled:
    """The citizen took an appointment, or another one instead."""

    appointment: Appointment


@dataclass(frozen=True, slots=True)
class SlotCancelled:
    """The citizen cancelled the appointment."""


# --- staff ---


@dataclass(frozen=True, slots=True)
class SlotMoved:
    """A member of staff made the appointment, or moved it."""

    by: str
    appointment: Appointment


@dataclass(frozen=True, slots=True)
class SlotReleased:
    """A member of staff cancelled the appointment."""

    by: str


@dataclass(frozen=True, slots=True)
class NoShow:
    """The citizen did not come to the appointment, or could not be reached at its time."""

    by: str


@dataclass(frozen=True, slots=True)
class WalkedIn:
    """The citizen is there: without an appointment, or before its time."""

    by: str


# --- the clock ---


@dataclass(frozen=True, slots=True)
class SlotReached:
    """The appointment begins: the citizen waits for staff."""


@dataclass(frozen=True, slots=True)
class ReminderDue:
    """The citizen is reminded of the appointment."""


SlotsByCitizen = Scheduled | SlotCancelled
SlotsByStaff = SlotMoved | SlotReleased | NoShow | WalkedIn
SlotsByClock = SlotReached | ReminderDue
SlotEvent = SlotsByCitizen | SlotsByStaff | SlotsByClock
