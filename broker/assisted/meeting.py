"""Effects of events before citizen and staff meet: what was asked for, the appointment, attempts to reach the citizen.

A request that missed the citizen too often in a row closes at `Case.closing`, unless the citizen acts before.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from broker.assisted import events as ev
from broker.assisted.appointments import reminded
from broker.assisted.case import Case
from broker.assisted.case_records import Channel
from broker.assisted.case_states import CaseState
from broker.assisted.contact_log import ContactAttempt, ContactOutcome
from broker.assisted.deadlines import CasePolicy
from broker.assisted.rework import reset_work

S = CaseState


@dataclass(frozen=True, slots=True)
class Transition:
    """Case with the event applied. `target` is the state to enter, None to stay."""

    case: Case
    target: CaseState | None = None
    reason: str = ""


def queue(case: Case, since: float) -> Transition:
    """Puts the case into the queue. A case that was queued before keeps its place."""
    waited = case.queued if case.queued is not None else since
    return Transition(replace(kept_open(case), queued=waited, queue_round=case.queue_round + 1), S.QUEUED)


def asked(case: Case, event: ev.Submitted | ev.Changed | ev.KeptOpen | ev.SecondRemoved) -> Transition:
    """Applies what the citizen asked for, or changed in it."""
    if isinstance(event, ev.KeptOpen):
        return Transition(kept_open(case), S.REQUESTED)
    if isinstance(event, ev.SecondRemoved):
        return Transition(replace(case, second_contact=None))
    after = replace(
        case,
        contact=event.contact,
        second_contact=event.second,
        channel=event.channel,
        safety=event.safety,
        intake=event.intake,
        fingerprints=union(case.fingerprints, event.marks),
    )
    return Transition(after, S.REQUESTED if isinstance(event, ev.Submitted) else None)


def appointed(case: Case, event: ev.SlotEvent, now: float, policy: CasePolicy) -> Transition:
    """Applies an event about the appointment."""
    match event:
        case ev.Scheduled(appointment) | ev.SlotMoved(_, appointment):
            return Transition(replace(kept_open(case), appointment=appointment), S.SCHEDULED)
        case ev.SlotCancelled() | ev.SlotReleased():
            return Transition(replace(case, appointment=None), S.REQUESTED)
        case ev.NoShow():
            return Transition(_missed(case, now, policy), S.REQUESTED)
        case ev.WalkedIn():
            return queue(replace(case, appointment=None), now)
        case ev.SlotReached():
            return queue(case, now)
        case ev.ReminderDue():
            return Transition(replace(case, appointment=case.appointment and reminded(case.appointment, now)))


def contacted(case: Case, event: ev.RoomOpened | ev.ContactTried, now: float, policy: CasePolicy) -> Transition:
    """Applies what the agent did to reach the citizen."""
    if isinstance(event, ev.RoomOpened):
        return Transition(replace(case, room=event.link, lease=now + policy.lease))
    return _tried(case, event.attempt, now, policy)


def _tried(case: Case, attempt: ContactAttempt, now: float, policy: CasePolicy) -> Transition:
    """Applies an attempt to reach the citizen.

    One that failed takes the case from its agent, and the citizen says again when they are ready, unless the agent said
    when they try again. After too many in a row it does so in any case.
    """
    case = replace(case, contacts=(*case.contacts, attempt))
    reason = f"{attempt.channel} {attempt.outcome}"
    if attempt.outcome is ContactOutcome.SPOKE:
        case = replace(case, missed=0)
    if not attempt.missed or case.channel is Channel.SENT:
        return Transition(replace(case, lease=now + policy.lease), None, reason)
    if attempt.again is not None and case.missed + 1 < policy.missed_contacts:
        return Transition(replace(case, missed=case.missed + 1, lease=now + policy.lease), None, reason)
    return Transition(_missed(case, now, policy), S.REQUESTED, reason)


def kept_open(case: Case) -> Case:
    """The case of a citizen who acted before it closed."""
    return case if case.closing is None else replace(case, closing=None, missed=0)


def union(before: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    """All of both, in order."""
    return tuple(dict.fromkeys((*before, *more)))


def _missed(case: Case, now: float, policy: CasePolicy) -> Case:
    """The case after citizen and staff missed each other once more."""
    missed = case.missed + 1
    closing = min(now + policy.closing, case.expires) if missed >= policy.missed_contacts else None
    return replace(reset_work(case), appointment=None, missed=missed, closing=closing)
