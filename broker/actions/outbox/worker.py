"""The outbox worker: claims messages that are due, sends them, and records the outcome, for every kind of message."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from broker.actions.outbox.ports import Outbox, OutboxEntry
from broker.actions.outbox.retry_policy import RetryPolicy, next_attempt
from broker.platform.system import System

Entry = TypeVar("Entry", bound=OutboxEntry)
Sent = TypeVar("Sent", bound=OutboxEntry, contravariant=True)


class DeliveryOutcome(StrEnum):
    """The outcome of one attempt. Only FAILED is retried.

    REFUSED: the receiver does not want the message. DROPPED: there is no receiver any more. GIVEN_UP: it failed, and
    there is no further attempt.
    """

    DELIVERED = "delivered"
    REFUSED = "refused"
    FAILED = "failed"
    GIVEN_UP = "given_up"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """How one kind of message is claimed and retried.

    `lease` (seconds) is how long a claim lasts: longer than an attempt may take, short enough for another process to
    take over soon after a crash. `batch` messages are claimed at once, and sent concurrently.
    """

    retry: RetryPolicy
    lease: float
    batch: int


class Sender(Protocol[Sent]):
    """One kind of message: what is sent, and what an answer means."""

    @property
    def policy(self) -> DeliveryPolicy:
        """How messages of this kind are claimed and retried."""
        ...

    async def send(self, message: Sent) -> tuple[DeliveryOutcome, str]:
        """Attempts to send a message. Returns the outcome, other than GIVEN_UP, and why."""
        ...

    def report(self, message: Sent, outcome: DeliveryOutcome, why: str) -> None:
        """Logs and counts an outcome, after it was recorded."""
        ...


async def send_due(outbox: Outbox[Entry], sender: Sender[Entry], system: System) -> int:
    """Sends the messages that are due. Returns how many were attempted.

    A failure does not delay other messages; an exception is raised once the messages claimed with it were attempted.
    """
    attempted, policy = 0, sender.policy
    while True:
        now = system.now()
        due = await outbox.claim(now, now + policy.lease, policy.batch)
        done = await asyncio.gather(*(_attempt(outbox, sender, system, one) for one in due), return_exceptions=True)
        for failure in done:
            if failure is not None:
                raise failure
        attempted += len(due)
        if len(due) < policy.batch:
            return attempted


async def _attempt(outbox: Outbox[Entry], sender: Sender[Entry], system: System, message: Entry) -> None:
    outcome, why = await sender.send(message)
    now = system.now()
    match outcome:
        case DeliveryOutcome.DELIVERED:
            await outbox.mark_sent(message.id, now)
        case DeliveryOutcome.FAILED:
            chance = int.from_bytes(system.random_bytes(4)) / 2**32
            at = next_attempt(sender.policy.retry, message.tries, now, message.expires, chance)
            if at is None:
                outcome = DeliveryOutcome.GIVEN_UP
                await outbox.give_up(message.id)
            else:
                await outbox.postpone(message.id, at)
        case _:
            await outbox.give_up(message.id)
    sender.report(message, outcome, why)
