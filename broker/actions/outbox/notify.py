"""Notices leave the outbox: written with the fact they tell, sent when they can be, tried again until they expire."""

import logging

from broker.actions.assisted.ports import DeliveryFailed, Notifier, Outbox
from broker.platform.system import System

LOG = logging.getLogger("portico.notices")

BATCH = 20
"""Notices taken out of the outbox in one go."""

RETRY_DELAY = 60.0
"""After how long (seconds) a notice that did not go out is tried again; until then it belongs to who took it."""


async def deliver(outbox: Outbox, notifier: Notifier, system: System) -> int:
    """Sends what waits; gives how many went out. One notice that fails keeps none of the others back."""
    now, gone = system.now(), 0
    for notice in await outbox.claim(now, now + RETRY_DELAY, BATCH):
        try:
            await notifier.deliver(notice)
        except DeliveryFailed as fault:
            LOG.warning("notification_failed", extra={"notice": notice.id, "way": notice.way, "why": fault.detail})
            continue
        await outbox.sent(notice.id, system.now())
        gone += 1
    await outbox.sweep(system.now())
    return gone
