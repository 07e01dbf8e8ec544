"""Deliveries leave: written anew at each try, and tried with growing pauses until they succeed or it is too late."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from broker.actions.ports import Deliveries
from broker.model.outbound_delivery import DeliveryKind, OutboundDelivery
from broker.platform.http_client import HttpClients, HttpResponse
from broker.platform.system import System

LOG: Final = logging.getLogger("portico.deliveries")

BATCH: Final = 20
"""Deliveries taken out in one go, and made at the same time."""

LEASE: Final = 15.0
"""For how long (seconds) a delivery belongs to who took it: longer than a call may take, short enough for the next one
to take over soon from a process that was killed."""

MIN_DELAY: Final = 5.0
MAX_DELAY: Final = 3600.0
"""Seconds before the second try, doubled for each further one, up to the longest."""

MAX_ATTEMPTS: Final = 20
MAX_RESPONSE: Final = 65_536
"""Bytes of an answer that are read. Nothing is done with them."""

CONNECTIONS: Final = 10
"""Connections to one service at once."""


class DeliveryOutcome(StrEnum):
    """What became of one try."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    FAILED = "failed"
    GIVEN_UP = "given_up"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class DeliveryRequest:
    """A delivery as it leaves now: a POST of a form to an address."""

    url: str
    form: Mapping[str, str]
    headers: Mapping[str, str] | None = None


DeliveryBuilder = Callable[[OutboundDelivery], Awaitable[DeliveryRequest | None]]
"""Writes a delivery of one kind, or says that there is nobody to be told any more (None)."""


class DeliveryMetrics(Protocol):
    """Where outcomes are counted."""

    def delivered(self, kind: str, outcome: str) -> None:
        """One try came to this."""
        ...


@dataclass(frozen=True, slots=True)
class DeliveryWorker:
    """What delivering needs: one writer for each kind."""

    deliveries: Deliveries
    writers: Mapping[DeliveryKind, DeliveryBuilder]
    outgoing: HttpClients
    system: System
    counts: DeliveryMetrics


async def deliver(courier: DeliveryWorker) -> int:
    """Makes the deliveries that are due; gives how many were tried. One that fails keeps none of the others back."""
    tried = 0
    while True:
        now = courier.system.now()
        due = await courier.deliveries.claim(now, now + LEASE, BATCH)
        await asyncio.gather(*(_try(courier, delivery) for delivery in due))
        tried += len(due)
        if len(due) < BATCH:
            return tried


async def _try(courier: DeliveryWorker, delivery: OutboundDelivery) -> None:
    letter = await courier.writers[delivery.kind](delivery)
    if letter is None:
        await courier.deliveries.give_up(delivery.id)
        _log_outcome(courier, delivery, DeliveryOutcome.DROPPED, "the service has no address for it any more")
        return
    client = courier.outgoing.client(f"service:{delivery.client_id}", limit=CONNECTIONS)
    answer = await client.post(letter.url, letter.form, letter.headers, limit=MAX_RESPONSE)
    outcome, why = classify_response(answer, delivery.tries)
    now = courier.system.now()
    match outcome:
        case DeliveryOutcome.DELIVERED:
            await courier.deliveries.sent(delivery.id, now)
        case DeliveryOutcome.FAILED:
            await courier.deliveries.later(delivery.id, now + retry_delay(delivery.tries, courier.system))
        case _:
            await courier.deliveries.give_up(delivery.id)
    _log_outcome(courier, delivery, outcome, why)


def classify_response(answer: HttpResponse | object, tries: int) -> tuple[DeliveryOutcome, str]:
    """What an answer means, and why. 400 says that the service will not have it (Back-Channel Logout 1.0, 2.8).

    Everything else but success may be different at the next try, a redirect too: it is not followed.
    """
    if isinstance(answer, HttpResponse):
        why = f"status {answer.status}"
        if answer.status in (200, 202, 204):
            return DeliveryOutcome.DELIVERED, why
        if answer.status == 400:
            return DeliveryOutcome.REFUSED, why
    else:
        why = str(getattr(answer, "detail", answer))
    return (DeliveryOutcome.FAILED if tries < MAX_ATTEMPTS else DeliveryOutcome.GIVEN_UP), why


def retry_delay(tries: int, system: System) -> float:
    """Seconds until the next try after so many: about twice the last, give or take a quarter.

    What failed at the same moment does not all come back at the same moment.
    """
    whole = min(MAX_DELAY, MIN_DELAY * 2.0 ** min(tries - 1, 30))
    return whole * (0.75 + 0.5 * int.from_bytes(system.random_bytes(4)) / 2**32)


def _log_outcome(courier: DeliveryWorker, delivery: OutboundDelivery, outcome: DeliveryOutcome, why: str) -> None:
    courier.counts.delivered(delivery.kind.value, outcome.value)
    told = {"delivery": delivery.id, "client_id": delivery.client_id, "tries": delivery.tries, "why": why}
    level = logging.INFO if outcome is DeliveryOutcome.DELIVERED else logging.WARNING
    LOG.log(level, f"delivery_{outcome.value}", extra=told)
