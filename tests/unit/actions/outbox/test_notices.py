"""Notices leave the outbox."""

from dataclasses import dataclass, field, replace

import pytest

from broker.actions.outbox.notices import TERMS, NoticeSender
from broker.actions.outbox.retry_policy import JITTER
from broker.actions.outbox.worker import send_due
from broker.model.notification import DeliveryFailed, Notification
from tests.unit.actions.assisted.case_harness import WANTED, Stage

pytestmark = pytest.mark.store


@dataclass
class Carrier:
    """Fails for some ids."""

    failing: set[str] = field(default_factory=set)
    gone: list[str] = field(default_factory=list)

    @property
    def contact_methods(self) -> frozenset[str]:
        """Email."""
        return frozenset({"email"})

    async def deliver(self, notice: Notification) -> None:
        """Raises DeliveryFailed for the ids in `failing`; records all others."""
        if notice.id in self.failing:
            raise DeliveryFailed("as told")
        self.gone.append(notice.id)


async def send(stage: Stage, carrier: Carrier) -> int:
    """Sends what is due."""
    return await send_due(stage.facts.outbox, NoticeSender(carrier), stage.context.system)


async def test_notices_go_out_once_and_one_that_fails_is_tried_again_and_stops_no_other(stage: Stage) -> None:
    for address in ("a@example.org", "b@example.org"):
        handle = await stage.arrives()
        await stage.asks(handle, replace(WANTED, address=address))
        await stage.approves()
    waiting = [notice.id for notice in await stage.sent()]
    carrier = Carrier({waiting[0]})
    assert await send(stage, carrier) == len(waiting)
    assert sorted(carrier.gone) == sorted(waiting[1:])
    carrier.failing.clear()
    stage.clock.advance(TERMS.retry.min_delay * (1 - JITTER) - 1)
    assert await send(stage, carrier) == 0
    stage.clock.advance(TERMS.retry.min_delay * 2 * JITTER + 1)
    assert await send(stage, carrier) == 1
    assert sorted(carrier.gone) == sorted(waiting)


async def test_a_notice_is_retried_until_it_expires(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    await stage.approves()
    waiting = await stage.sent()
    carrier = Carrier({notice.id for notice in waiting})
    for _ in range(100):  # more often than any other message is tried
        assert await send(stage, carrier) == len(waiting)
        stage.clock.advance(TERMS.retry.max_delay * 2)
    stage.clock.advance(waiting[0].expires - stage.clock.now() - 1)
    assert await send(stage, carrier) == len(waiting)
    stage.clock.advance(2)
    assert await send(stage, carrier) == 0


async def test_a_notice_that_expired_is_not_sent_any_more(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    await stage.approves()
    stage.clock.advance(4 * 86400)
    carrier = Carrier()
    assert await send(stage, carrier) == 0
    assert carrier.gone == []
