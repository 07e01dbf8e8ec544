"""The citizen's side of appointments."""

from broker.actions.appointments.booking import FreeTimes, NoRoom, free_times, places, take_slot
from broker.actions.assisted.citizen import CitizenCases
from broker.actions.assisted.context import load_case, update_case
from broker.actions.assisted.staff_results import RefusalReason
from broker.actions.browser import Browser
from broker.actions.sign_in.context import load_own_transaction
from broker.actions.views import DeadEnd
from broker.assisted import events as ev
from broker.assisted.case import Case


async def own_case(cases: CitizenCases, handle: str, browser: Browser) -> Case | DeadEnd | None:
    """The case that the transaction of this browser waits for; None if there is none."""
    transaction = await load_own_transaction(cases.sign_in_context, handle, browser)
    if isinstance(transaction, DeadEnd):
        return transaction
    case = None if transaction.case is None else await load_case(cases.context, transaction.case)
    return case if case is not None and case.transaction == transaction.id else None


async def offered(cases: CitizenCases, case: Case, place_id: str) -> tuple[FreeTimes, ...]:
    """The free times of the place, or of every place if there is none with this id."""
    known = places(cases.context, case)
    chosen = [one for one in known if one.id == place_id] or known
    return tuple([await free_times(cases.context, case, one) for one in chosen])


async def take(
    cases: CitizenCases, handle: str, browser: Browser, place: str, begins: float
) -> Case | RefusalReason | NoRoom | DeadEnd | None:
    """Takes an appointment, in place of the one before. NoRoom.TAKEN if the time is not free."""
    case = await own_case(cases, handle, browser)
    if not isinstance(case, Case):
        return case
    return await take_slot(
        cases.context, case, place, begins, lambda made: update_case(cases.context, case, ev.Scheduled(made))
    )


async def cancel(cases: CitizenCases, handle: str, browser: Browser) -> DeadEnd | None:
    """Cancels the appointment. The case waits until the citizen takes another one or is ready."""
    case = await own_case(cases, handle, browser)
    if isinstance(case, DeadEnd):
        return case
    if case is not None:
        await update_case(cases.context, case, ev.SlotCancelled())
    return None
