"""Dispatch of deliveries: one lane for each kind and receiver, so that a receiver that does not answer delays no other.

A lane is a task that sends what is due to one receiver, and ends when nothing is. `start_due` starts the lanes that are
missing; a periodic task calls it.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from broker.actions.outbox.ports import Outbox
from broker.actions.outbox.worker import Sender, send_due
from broker.model.outbound_delivery import DeliveryKind, OutboundDelivery
from broker.model.store_results import StoreUnavailable
from broker.platform.system import System

LOG: Final = logging.getLogger("portico.deliveries")

MOST_LANES: Final = 100
"""Lanes of one process at the same time."""


class Deliveries(Protocol):
    """Deliveries to services and desks (database), by kind and receiver."""

    async def due(self, now: float) -> Sequence[tuple[DeliveryKind, str]]:
        """The kinds and receivers for which a delivery is due."""
        ...

    def lane(self, kind: DeliveryKind, client_id: str) -> Outbox[OutboundDelivery]:
        """The deliveries of one kind to one receiver."""
        ...


class Dispatcher:
    """The lanes of one process."""

    def __init__(
        self, deliveries: Deliveries, senders: Mapping[DeliveryKind, Sender[OutboundDelivery]], system: System
    ) -> None:
        self._deliveries = deliveries
        self._senders = senders
        self._system = system
        self._lanes: dict[tuple[DeliveryKind, str], asyncio.Task[None]] = {}

    async def start_due(self) -> None:
        """Starts a lane for each receiver with deliveries that are due, unless it has one."""
        for which in await self._deliveries.due(self._system.now()):
            if which[0] in self._senders and which not in self._lanes and len(self._lanes) < MOST_LANES:
                self._lanes[which] = asyncio.ensure_future(self._run(*which))

    async def close(self) -> None:
        """Cancels the lanes. What they had claimed is sent again after its lease."""
        lanes = tuple(self._lanes.values())
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)
        self._lanes.clear()

    async def _run(self, kind: DeliveryKind, receiver: str) -> None:
        try:
            await send_due(self._deliveries.lane(kind, receiver), self._senders[kind], self._system)
        except StoreUnavailable:
            LOG.warning("lane_waits_for_store", extra={"kind": kind.value, "client_id": receiver})
        except Exception:  # the next lane of this receiver starts again
            LOG.exception("lane_failed", extra={"kind": kind.value, "client_id": receiver})
        finally:
            self._lanes.pop((kind, receiver), None)
