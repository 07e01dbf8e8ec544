"""Notifications to citizens: sent from the outbox, and retried until they expire."""

import logging

from broker.actions.assisted.ports import DeliveryFailed, Notifier, Outbox
from broker.platform.system import System

LOG = logging.getLogger("portico.notices")

BATCH = 20
"""Notifications claimed at once."""

RETRY_DELAY = 60.0
"""Seconds before a failed notification is retried; until then no other process claims it."""


async def deliver(outbox: Outbox, notifier: Notifier, system: System) -> int:
    """Sends the notifications that are due. Returns how many were sent. A failure does not delay the others."""
    now, sent = system.now(), 0
    for notice in await outbox.claim(now, now + RETRY_DELAY, BATCH):
        try:
            await notifier.deliver(notice)
        except DeliveryFailed as fault:
            LOG.warning("notification_failed", extra={"notice": notice.id, "way": notice.way, "why": fault.detail})
            continue
        await outbox.sent(notice.id, system.now())
        sent += 1
    await outbox.sweep(system.now())
    return sent
