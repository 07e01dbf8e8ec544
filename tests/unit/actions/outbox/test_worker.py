"""The outbox worker, over an outbox in memory: every outcome is recorded before it is reported, and nothing is lost."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from broker.actions.outbox.retry_policy import RetryPolicy
from broker.actions.outbox.worker import DeliveryOutcome, DeliveryPolicy, send_due
from broker.platform.system import System
from tests.support.system import FakeClock

POLICY = DeliveryPolicy(RetryPolicy(max_attempts=3, min_delay=10, max_delay=100), lease=15, batch=2)


@dataclass(frozen=True)
class Message:
    """A message. It expires after a day."""

    id: str
    expires: float | None
    tries: int = 0


@dataclass
class MemoryOutbox:
    """Messages with the time at which each is due; a message leaves when it was sent or given up."""

    waiting: dict[str, tuple[float, Message]] = field(default_factory=dict)
    done: list[tuple[str, str]] = field(default_factory=list)

    async def claim(self, now: float, until: float, limit: int) -> Sequence[Message]:
        """Claims what is due."""
        due = [one for at, one in self.waiting.values() if at <= now][:limit]
        claimed = [replace(one, tries=one.tries + 1) for one in due]
        self.waiting |= {one.id: (until, one) for one in claimed}
        return claimed

    async def mark_sent(self, message_id: str, _now: float, /) -> None:
        """It leaves."""
        del self.waiting[message_id]
        self.done.append((message_id, "sent"))

    async def give_up(self, message_id: str) -> None:
        """It leaves."""
        del self.waiting[message_id]
        self.done.append((message_id, "given up"))

    async def postpone(self, message_id: str, until: float) -> None:
        """It is due later."""
        self.waiting[message_id] = (until, self.waiting[message_id][1])


@dataclass
class ScriptedSender:
    """Sends with these outcomes by id; an exception is raised."""

    outcomes: dict[str, DeliveryOutcome | Exception]
    outbox: MemoryOutbox
    policy: DeliveryPolicy = POLICY
    sent: list[str] = field(default_factory=list)
    reported: list[tuple[str, DeliveryOutcome]] = field(default_factory=list)

    async def send(self, message: Message) -> tuple[DeliveryOutcome, str]:
        """As scripted."""
        self.sent.append(message.id)
        outcome = self.outcomes.get(message.id, DeliveryOutcome.DELIVERED)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome, "as scripted"

    def report(self, message: Message, outcome: DeliveryOutcome, why: str) -> None:
        """Noted. The outbox has the outcome already."""
        assert why == "as scripted"
        at, _ = self.outbox.waiting.get(message.id, (None, None))
        assert (at is None) is (outcome is not DeliveryOutcome.FAILED)
        self.reported.append((message.id, outcome))


@dataclass(frozen=True)
class Stage:
    """The worker's parts, with five messages that are due."""

    outbox: MemoryOutbox
    sender: ScriptedSender
    system: System
    clock: FakeClock

    async def send(self) -> int:
        """Sends what is due."""
        return await send_due(self.outbox, self.sender, self.system)


def staged(clock: FakeClock, system: System, **outcomes: DeliveryOutcome | Exception) -> Stage:
    """Five messages, sent with these outcomes; delivered unless named."""
    now = clock.now()
    outbox = MemoryOutbox({name: (now, Message(name, now + 86_400)) for name in "abcde"})
    return Stage(outbox, ScriptedSender(outcomes, outbox), system, clock)


async def test_everything_due_is_sent_once_in_batches(clock: FakeClock, system: System) -> None:
    stage = staged(clock, system)
    assert await stage.send() == 5
    assert await stage.send() == 0
    assert sorted(stage.sender.sent) == list("abcde")
    assert sorted(stage.outbox.done) == [(name, "sent") for name in "abcde"]


@pytest.mark.parametrize("outcome", [DeliveryOutcome.REFUSED, DeliveryOutcome.DROPPED])
async def test_what_has_no_receiver_leaves_the_outbox(
    clock: FakeClock, system: System, outcome: DeliveryOutcome
) -> None:
    stage = staged(clock, system, c=outcome)
    assert await stage.send() == 5
    assert ("c", "given up") in stage.outbox.done
    assert ("c", outcome) in stage.sender.reported


async def test_a_failure_is_retried_until_the_last_attempt_and_delays_no_other(
    clock: FakeClock, system: System
) -> None:
    stage = staged(clock, system, a=DeliveryOutcome.FAILED)
    attempts = [await stage.send()]
    for _ in range(4):
        clock.advance(1000)
        attempts.append(await stage.send())
    assert attempts == [5, 1, 1, 0, 0]
    outcomes = [outcome for message_id, outcome in stage.sender.reported if message_id == "a"]
    assert outcomes == [DeliveryOutcome.FAILED, DeliveryOutcome.FAILED, DeliveryOutcome.GIVEN_UP]


async def test_a_failure_close_to_the_expiry_is_given_up_at_once(clock: FakeClock, system: System) -> None:
    stage = staged(clock, system, a=DeliveryOutcome.FAILED)
    stage.outbox.waiting = {"a": (0, Message("a", clock.now() + 5))}
    assert await stage.send() == 1
    assert stage.outbox.done == [("a", "given up")]
    assert stage.sender.reported == [("a", DeliveryOutcome.GIVEN_UP)]


async def test_a_message_without_an_expiry_ends_with_its_attempts_alone(clock: FakeClock, system: System) -> None:
    stage = staged(clock, system, a=DeliveryOutcome.FAILED)
    stage.outbox.waiting = {"a": (0, Message("a", None))}
    assert await stage.send() == 1
    assert stage.sender.reported == [("a", DeliveryOutcome.FAILED)]


async def test_an_exception_leaves_the_claim_to_run_out_and_stops_no_message_of_its_batch(
    clock: FakeClock, system: System
) -> None:
    stage = staged(clock, system, a=ValueError("unforeseen"))
    with pytest.raises(ValueError, match="unforeseen"):
        await stage.send()
    assert stage.outbox.done == [("b", "sent")]
    assert await stage.send() == 3
    assert list(stage.outbox.waiting) == ["a"]
    clock.advance(POLICY.lease)
    del stage.sender.outcomes["a"]
    assert await stage.send() == 1
    assert stage.outbox.waiting == {}
