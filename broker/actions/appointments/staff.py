"""The side of staff: the appointments of a day at a place, and what is done when a citizen comes, or does not."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day

from broker.actions.appointments.booking import NoRoom, free_times, places, take_slot
from broker.actions.assisted.context import CaseContext, load_by_reference, load_case
from broker.actions.assisted.editing import always, edit_case
from broker.actions.assisted.permissions import allowed_actions, has_staff_role, role_in_case
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import ActionRefused, CaseRef, CaseRole, CaseView, EditRefused, StaffAction
from broker.assisted import events as ev
from broker.assisted.appointments import Bookable, Slot, bookable
from broker.assisted.case import Case
from broker.assisted.case_records import Appointment, Channel
from broker.assisted.case_states import CaseState
from broker.assisted.intake import Need
from broker.assisted.transitions import TransitionRefused
from broker.model.appointment import Booking

_OWN = frozenset({StaffAction.BOOK, StaffAction.CANCEL_BOOKING, StaffAction.NO_SHOW, StaffAction.WALK_IN})


@dataclass(frozen=True, slots=True)
class DayEntry:
    """One appointment of a day, without anything that says who the citizen is."""

    booking: Booking
    case: str
    edit_version: int
    reference: str
    state: CaseState
    language: str
    needs: tuple[Need, ...]
    actions: frozenset[StaffAction]


def may_see(who: StaffPrincipal) -> bool:
    """Whether the member of staff works with appointments."""
    return has_staff_role(who.member, StaffAction.BOOK)


def all_places(context: CaseContext) -> tuple[Bookable, ...]:
    """Everything that takes appointments, offices first."""
    policy = context.rules.policy
    channels = sorted(Channel, key=lambda channel: channel is not Channel.IN_PERSON)
    return tuple(
        place for channel in channels for place in bookable(channel, policy.channels, policy.offices, policy.hours)
    )


def today(context: CaseContext, place: Bookable) -> date:
    """The present day at a place."""
    return datetime.fromtimestamp(context.system.now(), UTC).astimezone(place.hours.zone()).date()


async def day_list(
    context: CaseContext, who: StaffPrincipal, place: Bookable, day: date
) -> tuple[DayEntry, ...] | ActionRefused:
    """The appointments that begin on a day at a place, in order."""
    if not may_see(who):
        return ActionRefused.NOT_ALLOWED
    zone = place.hours.zone()
    since, until = (datetime.combine(each, time_of_day(), zone).timestamp() for each in (day, day + timedelta(days=1)))
    found = []
    for booking in await context.stores.bookings.live(place.id, since, until):
        case = await load_case(context, booking.case)
        if case is not None and case.appointment is not None and case.appointment.id == booking.id:
            found.append(_entry(context, who, booking, case))
    return tuple(found)


def _entry(context: CaseContext, who: StaffPrincipal, booking: Booking, case: Case) -> DayEntry:
    actions = allowed_actions(context.rules, case, who.member, context.system.now())
    return DayEntry(
        booking,
        case.id,
        case.edit_version,
        case.reference,
        case.state,
        case.intake.language or case.language,
        case.intake.needs,
        actions & (_OWN | {StaffAction.CLAIM} if takeable(case) else _OWN),
    )


async def no_show(context: CaseContext, who: StaffPrincipal, ref: CaseRef) -> CaseView | EditRefused:
    """The citizen did not come: a notice says so, and they choose another time."""
    return await edit_case(context, who, StaffAction.NO_SHOW, ref, always(ev.NoShow(who.member.id)))


async def cancel(context: CaseContext, who: StaffPrincipal, ref: CaseRef) -> CaseView | EditRefused:
    """Cancels the appointment."""
    return await edit_case(context, who, StaffAction.CANCEL_BOOKING, ref, always(ev.SlotReleased(who.member.id)))


async def walk_in(context: CaseContext, who: StaffPrincipal, ref: CaseRef | str) -> CaseView | EditRefused:
    """The citizen is there, and waits in line. `ref` may be the reference that they say."""
    return await edit_case(context, who, StaffAction.WALK_IN, ref, always(ev.WalkedIn(who.member.id)))


async def take(context: CaseContext, who: StaffPrincipal, ref: CaseRef) -> CaseView | EditRefused:
    """The agent at the place takes the case whose time has come, out of turn. FULL if they hold as many cases as they
    may.
    """
    held = [one for one in await context.stores.cases.by_holder(who.member.id) if one.unsettled is None]
    if len(held) >= who.member.capacity:
        return ActionRefused.FULL

    async def make(case: Case) -> ev.ByStaff | EditRefused:
        return TransitionRefused.NOT_NOW if not takeable(case) else ev.Claimed(who.member.id)

    return await edit_case(context, who, StaffAction.CLAIM, ref, make)


def takeable(case: Case) -> bool:
    """Whether the case waits in line for its appointment."""
    return case.state is CaseState.QUEUED and case.appointment is not None


@dataclass(frozen=True, slots=True)
class Movable:
    """A case whose appointment can be made or moved, with the free times of each of its places."""

    ref: CaseRef
    reference: str
    appointment: Appointment | None
    times: tuple[tuple[Bookable, tuple[Slot, ...]], ...]


async def with_reference(context: CaseContext, who: StaffPrincipal, reference: str) -> Case | ActionRefused:
    """The case whose reference the citizen says, if the member of staff may make an appointment for it."""
    if not may_see(who):
        return ActionRefused.NOT_ALLOWED
    case = await load_by_reference(context, reference)
    return case if case is not None and _bookable(context, who, case, case.reference) else ActionRefused.UNKNOWN


async def movable(context: CaseContext, who: StaffPrincipal, ref: CaseRef, said: str) -> Movable | ActionRefused:
    """The free times for a case. The citizen `said` its reference, unless it is open to the member of staff already."""
    if not may_see(who):
        return ActionRefused.NOT_ALLOWED
    case = await load_case(context, ref.id)
    if case is None or not _bookable(context, who, case, said):
        return ActionRefused.UNKNOWN
    times = [(place, (await free_times(context, case, place)).slots) for place in places(context, case)]
    return Movable(CaseRef(case.id, case.edit_version), case.reference, case.appointment, tuple(times))


def _bookable(context: CaseContext, who: StaffPrincipal, case: Case, said: str) -> bool:
    """Whether the member of staff may make or move the appointment of a case. One who knows nothing but its id may
    not: it is open to them, they were told its reference, or its appointment stands in the list of a day."""
    now = context.system.now()
    known = said == case.reference or case.appointment is not None
    if not known and role_in_case(case, who.member, now) is CaseRole.NONE:
        return False
    return StaffAction.BOOK in allowed_actions(context.rules, case, who.member, now)


async def move(
    context: CaseContext, who: StaffPrincipal, ref: CaseRef, slot: tuple[str, float], said: str
) -> CaseView | EditRefused | NoRoom:
    """Makes an appointment, or moves it. `slot` is the place and when it begins (seconds since 1970 UTC)."""
    if not may_see(who):
        return ActionRefused.NOT_ALLOWED
    case = await load_case(context, ref.id)
    if case is None or not _bookable(context, who, case, said):
        return ActionRefused.UNKNOWN
    place, begins = slot

    async def write(made: Appointment) -> CaseView | EditRefused:
        return await edit_case(context, who, StaffAction.BOOK, ref, always(ev.SlotMoved(who.member.id, made)))

    return await take_slot(context, case, place, begins, write)
