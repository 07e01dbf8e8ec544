"""Events for a partner desk about a case that it met: whether it is over, or the citizen may come again.

They never tell the outcome: approved and declined are one event.
"""

from enum import StrEnum

from broker.assisted.case import Case
from broker.assisted.case_states import OPEN, CaseState
from broker.model.outbound_delivery import DeliveryKind, OutboundDelivery

LIFE = 3 * 86400
"""How long (seconds) an event is worth sending."""


class DeskEvent(StrEnum):
    """Events for a desk. CANCELLED: the citizen took the request back, or its time ran out. MORE: staff need more
    evidence, for which the citizen may come again. CLOSED: staff decided.
    """

    CANCELLED = "case.cancelled"
    MORE = "case.more"
    CLOSED = "case.closed"


_WITH_STAFF = frozenset({CaseState.DECISION, CaseState.REVIEW, CaseState.HELD})
"""States in which staff have what the desk recorded."""


def desk_events(before: Case, after: Case, now: float) -> tuple[OutboundDelivery, ...]:
    """The event of a change of a case, for the desk that met its citizen last; none without a desk."""
    event = _event(before, after)
    if event is None or after.desk is None:
        return ()
    content = {"event": event.value, "case": after.id, "at": str(int(now))}
    name = f"desk:{after.id}:{after.version}"
    return (OutboundDelivery(name, DeliveryKind.DESK_EVENT, after.desk.client_id, now, now + LIFE, content),)


def _event(before: Case, after: Case) -> DeskEvent | None:
    if before.state is after.state:
        return None
    match after.state:
        case CaseState.WITHDRAWN | CaseState.EXPIRED if before.state in OPEN - {CaseState.APPROVED}:
            return DeskEvent.CANCELLED
        case CaseState.QUEUED if before.state in _WITH_STAFF and before.agent is None:
            return DeskEvent.MORE
        case CaseState.APPROVED | CaseState.DECLINED if before.state in _WITH_STAFF:
            return DeskEvent.CLOSED
        case _:
            return None
