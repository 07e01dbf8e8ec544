"""Delivery receipts: a service that sent a notification says later whether it arrived."""

import logging
from enum import StrEnum
from typing import Final

from broker.actions.outbox.notices import undelivered
from broker.actions.outbox.ports import Notices
from broker.platform.system import System

LOG: Final = logging.getLogger("portico.notices")


class ReceiptStatus(StrEnum):
    """The final status of a notification, in the words of GOV.UK Notify."""

    DELIVERED = "delivered"
    PERMANENT_FAILURE = "permanent-failure"
    TEMPORARY_FAILURE = "temporary-failure"
    TECHNICAL_FAILURE = "technical-failure"


async def take_receipt(notices: Notices, reference: str, status: ReceiptStatus, system: System) -> bool:
    """Records what became of a notification. False if its reference, which is its id, is unknown.

    Each failure is final: the service has tried again by itself before. A receipt may come twice.
    """
    now = system.now()
    sent = await notices.load(reference, now)
    if sent is None:
        return False
    lost = status is not ReceiptStatus.DELIVERED
    event = undelivered(sent.kind, sent.way, sent.case, now) if lost else None
    if await notices.record_receipt(reference, event) and lost:
        LOG.warning("notification_lost", extra={"notice": reference, "way": sent.way, "why": status.value})
    return True
