"""Notices leave the outbox."""

from dataclasses import dataclass, field, replace

from broker.actions.outbox.notify import RETRY_DELAY, deliver
from broker.model.notification import DeliveryFailed, Notification
from tests.unit.actions.assisted.case_harness import WANTED, Stage


@dataclass
class Carrier:
    """Fails for some ids."""

    failing: set[str] = field(default_factory=set)
    gone: list[str] = field(default_factory=list)

    @property
    def ways(self) -> frozenset[str]:
        """Email."""
        return frozenset({"email"})

    async def deliver(self, notice: Notification) -> None:
        """As told."""
        if notice.id in self.failing:
            raise DeliveryFailed("as told")
        self.gone.append(notice.id)


async def test_notices_go_out_once_and_one_that_fails_is_tried_again_and_stops_no_other(stage: Stage) -> None:
    for address in ("a@example.org", "b@example.org"):
        handle = await stage.arrives()
        await stage.asks(handle, replace(WANTED, address=address))
        await stage.approves()
    waiting = [notice.id for notice in await stage.sent()]
    carrier, system = Carrier({waiting[0]}), stage.context.system
    assert await deliver(stage.facts.outbox, carrier, system) == len(waiting) - 1
    carrier.failing.clear()
    assert await deliver(stage.facts.outbox, carrier, system) == 0
    stage.clock.advance(RETRY_DELAY)
    assert await deliver(stage.facts.outbox, carrier, system) == 1
    assert sorted(carrier.gone) == sorted(waiting)


async def test_a_notice_that_expired_is_not_sent_any_more(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    await stage.approves()
    stage.clock.advance(4 * 86400)
    carrier = Carrier()
    assert await deliver(stage.facts.outbox, carrier, stage.context.system) == 0 and carrier.gone == []
