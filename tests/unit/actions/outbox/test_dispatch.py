"""Dispatch: a receiver that does not answer, or is behind, delays no other."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from broker.actions.outbox.dispatch import Dispatcher
from broker.actions.outbox.retry_policy import RetryPolicy
from broker.actions.outbox.worker import DeliveryOutcome, DeliveryPolicy
from broker.model.outbound_delivery import DeliveryKind, OutboundDelivery
from broker.model.store_results import StoreUnavailable
from broker.platform.system import System
from tests.support.system import FakeClock

LOGOUT = DeliveryKind.LOGOUT


@dataclass
class Lane:
    """The deliveries to one receiver."""

    waiting: list[OutboundDelivery]
    broken: bool = False

    async def claim(self, _now: float, _until: float, limit: int) -> Sequence[OutboundDelivery]:
        """The oldest."""
        if self.broken:
            raise StoreUnavailable("gone")
        taken, self.waiting[:limit] = self.waiting[:limit], []
        return taken

    async def mark_sent(self, message_id: str, now: float, /) -> None:
        """Nothing to note."""

    async def give_up(self, message_id: str) -> None:
        """Nothing to note."""

    async def postpone(self, message_id: str, until: float) -> None:
        """Nothing to note."""


@dataclass
class Lanes:
    """The deliveries of a database."""

    lanes: dict[str, Lane]

    async def due(self, _now: float) -> Sequence[tuple[DeliveryKind, str]]:
        """The receivers with deliveries."""
        return [(LOGOUT, name) for name, lane in self.lanes.items() if lane.waiting or lane.broken]

    def lane(self, kind: DeliveryKind, client_id: str) -> Lane:
        """Those of one."""
        assert kind is LOGOUT
        return self.lanes[client_id]


@dataclass
class SlowSender:
    """Sends to everyone but to the dead one, which never answers."""

    policy: ClassVar[DeliveryPolicy] = DeliveryPolicy(RetryPolicy(1, 1, 1), lease=1.0, batch=1)
    sent: list[str] = field(default_factory=list)
    began: list[str] = field(default_factory=list)

    async def send(self, message: OutboundDelivery) -> tuple[DeliveryOutcome, str]:
        """Delivered, or never."""
        self.began.append(message.id)
        if message.client_id == "dead":
            await asyncio.Event().wait()
        self.sent.append(message.id)
        return DeliveryOutcome.DELIVERED, ""

    def report(self, message: OutboundDelivery, outcome: DeliveryOutcome, why: str) -> None:
        """Nothing to note."""


def lane(client_id: str, *names: str) -> Lane:
    """Deliveries to one service."""
    return Lane([OutboundDelivery(name, LOGOUT, client_id, 0, 9e9) for name in names])


async def rounds(dispatcher: Dispatcher, times: int = 3) -> None:
    """The task runs so often, with time for the lanes in between."""
    for _ in range(times):
        await dispatcher.start_due()
        for _ in range(20):
            await asyncio.sleep(0)


async def test_a_dead_receiver_holds_its_own_lane_alone(system: System) -> None:
    lanes = Lanes({"dead": lane("dead", "d1", "d2"), "alive": lane("alive", "a1", "a2")})
    sender = SlowSender()
    dispatcher = Dispatcher(lanes, {LOGOUT: sender}, system)
    await rounds(dispatcher)
    assert sender.sent == ["a1", "a2"]
    assert sender.began.count("d1") == 1
    assert "d2" not in sender.began
    lanes.lanes["alive"].waiting += lane("alive", "a3").waiting
    await rounds(dispatcher)
    assert sender.sent == ["a1", "a2", "a3"]
    await dispatcher.close()
    assert sender.sent == ["a1", "a2", "a3"]


async def test_a_lane_without_its_store_ends_and_starts_again(system: System, clock: FakeClock) -> None:
    lanes = Lanes({"alive": lane("alive", "a1")})
    sender = SlowSender()
    dispatcher = Dispatcher(lanes, {LOGOUT: sender}, system)
    lanes.lanes["alive"].broken = True
    await rounds(dispatcher)
    assert sender.sent == []
    lanes.lanes["alive"].broken = False
    await rounds(dispatcher)
    assert sender.sent == ["a1"]
    assert clock.now() > 0


async def test_a_kind_without_a_sender_waits(system: System) -> None:
    dispatcher = Dispatcher(Lanes({"alive": lane("alive", "a1")}), {}, system)
    await rounds(dispatcher)
    await dispatcher.close()
