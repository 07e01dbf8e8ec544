"""Notifications to citizens, through the configured notifier. They are retried every minute until they expire."""

import logging
from dataclasses import dataclass
from typing import ClassVar, Final

from broker.actions.assisted.ports import DeliveryFailed, Notifier
from broker.actions.outbox.retry_policy import RetryPolicy
from broker.actions.outbox.worker import DeliveryOutcome, DeliveryPolicy
from broker.model.notification import Notification

LOG: Final = logging.getLogger("portico.notices")

TERMS: Final = DeliveryPolicy(RetryPolicy(max_attempts=None, min_delay=60.0, max_delay=60.0), lease=60.0, batch=1)
"""One is claimed at a time: a mail server that answers slowly would let the claims of others run out unsent."""


@dataclass(frozen=True, slots=True)
class NoticeSender:
    """Sends notifications."""

    policy: ClassVar[DeliveryPolicy] = TERMS
    notifier: Notifier

    async def send(self, message: Notification) -> tuple[DeliveryOutcome, str]:
        """Hands a notification to the notifier."""
        try:
            await self.notifier.deliver(message)
        except DeliveryFailed as fault:
            return DeliveryOutcome.FAILED, fault.detail
        return DeliveryOutcome.DELIVERED, ""

    def report(self, message: Notification, outcome: DeliveryOutcome, why: str) -> None:
        """Logs a failure, without the address."""
        if outcome is not DeliveryOutcome.DELIVERED:
            LOG.warning("notification_failed", extra={"notice": message.id, "way": message.way, "why": why})
