"""Notices leave the outbox: written with the fact they tell, sent when they can be, tried again until they expire."""

import logging

from broker.actions.assisted.ports import NotDelivered, Notifier, Outbox
from broker.ambient import Ambient

LOG = logging.getLogger("portico.notices")

AT_ONCE = 20
"""Notices taken out of the outbox in one go."""

AGAIN = 60.0
"""After how long (seconds) a notice that did not go out is tried again; until then it belongs to who took it."""


async def deliver(outbox: Outbox, notifier: Notifier, ambient: Ambient) -> int:
    """Sends what waits; gives how many went out. One notice that fails keeps none of the others back."""
    now, gone = ambient.now(), 0
    for notice in await outbox.claim(now, now + AGAIN, AT_ONCE):
        try:
            await notifier.deliver(notice)
        except NotDelivered as fault:
            LOG.warning("notification_failed", extra={"notice": notice.id, "way": notice.way, "why": fault.detail})
            continue
        await outbox.sent(notice.id, ambient.now())
        gone += 1
    await outbox.sweep(ambient.now())
    return gone
