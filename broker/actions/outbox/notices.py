"""Notifications to citizens, through the notifier of their way. They are retried until they expire.

Beside `worker`, because a notification that cannot be delivered stays visible: it is recorded with an audit row, and
staff see it in its case.
"""

import asyncio
import logging
from typing import Final

from broker.actions.assisted.ports import DeliveryFailed, Notifier
from broker.actions.outbox.ports import Notices, Outbox
from broker.actions.outbox.retry_policy import RetryPolicy, next_attempt
from broker.actions.outbox.worker import DeliveryPolicy
from broker.model.audit import AuditEvent
from broker.model.notification import Notification
from broker.platform.system import System

LOG: Final = logging.getLogger("portico.notices")

TERMS: Final = DeliveryPolicy(RetryPolicy(max_attempts=None, min_delay=60.0, max_delay=60.0), lease=120.0, batch=20)
"""A batch is sent concurrently. The lease is longer than a notifier may take for it: SMTP has four connections, and
fifteen seconds for each message."""


async def send_notices(notices: Notices, way: str, notifier: Notifier, system: System) -> int:
    """Sends the notifications of one way that are due. Returns how many were attempted.

    An exception is raised once the notifications claimed with it were attempted.
    """
    attempted, lane = 0, notices.lane(way)
    while True:
        now = system.now()
        due = await lane.claim(now, now + TERMS.lease, TERMS.batch)
        done = await asyncio.gather(
            *(_attempt(notices, lane, notifier, one, system) for one in due), return_exceptions=True
        )
        for failure in done:
            if failure is not None:
                raise failure
        attempted += len(due)
        if len(due) < TERMS.batch:
            return attempted


async def _attempt(
    notices: Notices, lane: Outbox[Notification], notifier: Notifier, notice: Notification, system: System
) -> None:
    try:
        await notifier.deliver(notice)
    except DeliveryFailed as fault:
        now, chance = system.now(), int.from_bytes(system.random_bytes(4)) / 2**32
        again = next_attempt(TERMS.retry, notice.tries, max(now, now + fault.retry_after), notice.expires, chance)
        if fault.permanent or again is None:
            await notices.give_up(notice.id, undelivered(notice.kind, notice.way, notice.case, now))
        else:
            await lane.postpone(notice.id, again)
        LOG.warning(
            "notification_refused" if fault.permanent else "notification_failed",
            extra={"notice": notice.id, "way": notice.way, "why": fault.detail},
        )
    else:
        await lane.mark_sent(notice.id, system.now())


def undelivered(kind: str | None, way: str, case: str | None, at: float) -> AuditEvent:
    """The audit event of a notification that did not reach the citizen."""
    return AuditEvent(
        kind="notice_undelivered", at=at, actor="broker", case=case, details={"notice": kind or "", "way": way}
    )
