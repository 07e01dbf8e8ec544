"""Guards of events about the appointment of a case, and of changes of what the citizen asked for."""

from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_states import CaseState
from broker.assisted.opening import DAY
from broker.assisted.refusals import TransitionRefused


def appointment_refusal(case: Case, event: ev.SlotEvent | ev.Changed, now: float) -> TransitionRefused | None:
    """The refusal of an event: an appointment lies ahead, and before the end of the case, and a citizen has not come
    only once it has begun. None if nothing speaks against it.
    """
    match event:
        case ev.Scheduled(appointment) | ev.SlotMoved(_, appointment):
            right = now < appointment.begins <= last_slot(case)
            return None if right else TransitionRefused.NO_SUCH_TIME
        case ev.Changed(_, channel):
            elsewhere = case.state is CaseState.SCHEDULED and channel is not case.channel
            return TransitionRefused.NOT_NOW if elsewhere else None
        case ev.NoShow(by):
            if case.appointment is None or now < case.appointment.begins:
                return TransitionRefused.NOT_NOW
            return TransitionRefused.NOT_HOLDER if case.holder not in (None, by) else None
        case _:
            return None


def last_slot(case: Case) -> float:
    """The latest moment (seconds since 1970 UTC) at which an appointment of the case may begin."""
    return case.expires - DAY
