"""Free times for a case, and taking one: shared by citizens and staff."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from broker.actions.appointments.ports import RoomTaken
from broker.actions.assisted.context import CaseContext
from broker.assisted.appointment_rules import last_slot
from broker.assisted.appointments import Bookable, Slot, bookable, free_slots, made
from broker.assisted.case import Case
from broker.assisted.case_records import Appointment
from broker.assisted.opening import Office
from broker.assisted.transitions import TO_BE_MET
from broker.model import handle as handles

TRIES: Final = 6
"""How many rooms are tried if others take them in between."""

_Done = TypeVar("_Done")


class NoRoom(StrEnum):
    """Why no appointment was made."""

    TAKEN = "taken"
    """The time is not free, or not offered."""


@dataclass(frozen=True, slots=True)
class FreeTimes:
    """The free times of a place, in order."""

    place: Bookable
    slots: tuple[Slot, ...]


def places(context: CaseContext, case: Case) -> tuple[Bookable, ...]:
    """What takes appointments for a case now; nothing if the case takes none."""
    if case.channel is None or case.state not in TO_BE_MET:
        return ()
    policy = context.rules.policy
    return bookable(case.channel, policy.channels, policy.offices, policy.hours)


async def free_times(context: CaseContext, case: Case, place: Bookable) -> FreeTimes:
    """The times that the case may have at a place."""
    now, policy = context.system.now(), context.rules.policy
    since, until = now + policy.book_from, min(now + policy.book_ahead, last_slot(case))
    taken = await _taken(context, place.id, since, until)
    return FreeTimes(place, free_slots(place, taken, since, until))


async def _taken(context: CaseContext, place: str, since: float, until: float) -> dict[float, list[int]]:
    found: defaultdict[float, list[int]] = defaultdict(list)
    for booking in await context.stores.bookings.live(place, since, until):
        found[booking.begins].append(booking.room)
    return found


async def take_slot(
    context: CaseContext,
    case: Case,
    place_id: str,
    begins: float,
    write: Callable[[Appointment], Awaitable[_Done]],
) -> _Done | NoRoom:
    """Takes a free room at a place, by `write`, which saves the case. TAKEN if there is none at that time."""
    place = next((one for one in places(context, case) if one.id == place_id), None)
    for _ in range(TRIES):
        if place is None:
            break
        free = await free_times(context, case, place)
        slot = next((one for one in free.slots if one.begins == begins), None)
        if slot is None:
            break
        booking = handles.new_handle(context.system, size=16)
        try:
            return await write(made(booking, place, slot, context.system.now()))
        except RoomTaken:
            continue
    return NoRoom.TAKEN


def office_of(context: CaseContext, appointment: Appointment) -> Office | None:
    """The office of an appointment; None if it is in another channel, or if the office was closed."""
    return next((one for one in context.rules.policy.offices if one.id == appointment.place), None)


def by_day(times: FreeTimes, day_of: Callable[[float], str]) -> dict[str, Sequence[Slot]]:
    """The times by the day on which they begin."""
    found: defaultdict[str, list[Slot]] = defaultdict(list)
    for slot in times.slots:
        found[day_of(slot.begins)].append(slot)
    return dict(found)
