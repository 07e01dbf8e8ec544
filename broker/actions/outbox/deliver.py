"""Deliveries to services: built for each attempt, and retried with exponential backoff until success or expiry."""

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
"""Deliveries claimed at once, and sent concurrently."""

LEASE: Final = 15.0
"""Seconds for which a claim lasts: longer than a call may take, short enough for another process to take over soon
after a crash."""

MIN_DELAY: Final = 5.0
MAX_DELAY: Final = 3600.0
"""Seconds before the second attempt, doubled for each further one, up to the maximum."""

MAX_ATTEMPTS: Final = 20
MAX_RESPONSE: Final = 65_536
"""Bytes of a response that are read. They are ignored."""

CONNECTIONS: Final = 10
"""Connections to one service at once."""


class DeliveryOutcome(StrEnum):
    """The outcome of one attempt."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    FAILED = "failed"
    GIVEN_UP = "given_up"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class DeliveryRequest:
    """The HTTP request of a delivery: a POST of a form."""

    url: str
    form: Mapping[str, str]
    headers: Mapping[str, str] | None = None


DeliveryBuilder = Callable[[OutboundDelivery], Awaitable[DeliveryRequest | None]]
"""Builds the request of a delivery of one kind; None if the service has no URL for it any more."""


class DeliveryMetrics(Protocol):
    """Receives counts of outcomes."""

    def delivered(self, kind: str, outcome: str) -> None:
        """One attempt had this outcome."""
        ...


@dataclass(frozen=True, slots=True)
class DeliveryWorker:
    """What the worker needs: one request builder for each kind of delivery."""

    deliveries: Deliveries
    writers: Mapping[DeliveryKind, DeliveryBuilder]
    outgoing: HttpClients
    system: System
    counts: DeliveryMetrics


async def deliver(worker: DeliveryWorker) -> int:
    """Sends the deliveries that are due. Returns how many were attempted. A failure does not delay the others."""
    tried = 0
    while True:
        now = worker.system.now()
        due = await worker.deliveries.claim(now, now + LEASE, BATCH)
        await asyncio.gather(*(_try(worker, delivery) for delivery in due))
        tried += len(due)
        if len(due) < BATCH:
            return tried


async def _try(worker: DeliveryWorker, delivery: OutboundDelivery) -> None:
    message = await worker.writers[delivery.kind](delivery)
    if message is None:
        await worker.deliveries.give_up(delivery.id)
        _log_outcome(worker, delivery, DeliveryOutcome.DROPPED, "the service has no address for it any more")
        return
    client = worker.outgoing.client(f"service:{delivery.client_id}", limit=CONNECTIONS)
    answer = await client.post(message.url, message.form, message.headers, limit=MAX_RESPONSE)
    outcome, why = classify_response(answer, delivery.tries)
    now = worker.system.now()
    match outcome:
        case DeliveryOutcome.DELIVERED:
            await worker.deliveries.sent(delivery.id, now)
        case DeliveryOutcome.FAILED:
            await worker.deliveries.later(delivery.id, now + retry_delay(delivery.tries, worker.system))
        case _:
            await worker.deliveries.give_up(delivery.id)
    _log_outcome(worker, delivery, outcome, why)


def classify_response(answer: HttpResponse | object, tries: int) -> tuple[DeliveryOutcome, str]:
    """Returns the outcome of a response, and why. 400 is the service's refusal (Back-Channel Logout 1.0, 2.8).

    Every other failure is retried, also a redirect, which is not followed.
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
    """Returns the seconds until the next attempt: twice the last, with a jitter of a quarter.

    The jitter spreads the retries of deliveries that failed at the same moment.
    """
    whole = min(MAX_DELAY, MIN_DELAY * 2.0 ** min(tries - 1, 30))
    return whole * (0.75 + 0.5 * int.from_bytes(system.random_bytes(4)) / 2**32)


def _log_outcome(worker: DeliveryWorker, delivery: OutboundDelivery, outcome: DeliveryOutcome, why: str) -> None:
    worker.counts.delivered(delivery.kind.value, outcome.value)
    fields = {"delivery": delivery.id, "client_id": delivery.client_id, "tries": delivery.tries, "why": why}
    level = logging.INFO if outcome is DeliveryOutcome.DELIVERED else logging.WARNING
    LOG.log(level, f"delivery_{outcome.value}", extra=fields)
