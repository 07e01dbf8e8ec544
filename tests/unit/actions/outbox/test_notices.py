"""Notices leave the outbox."""

import asyncio
import logging
from dataclasses import dataclass, field, replace

import pytest

from broker.actions.outbox.notices import TERMS, send_notices, undelivered
from broker.actions.outbox.retry_policy import JITTER
from broker.assisted.case_work import CaseWork
from broker.model.notification import FIELDS, DeliveryFailed, NoticeRecord, NoticeStatus, Notification, NotificationKind
from tests.unit.actions.assisted.case_harness import WANTED, Stage

pytestmark = pytest.mark.store


@dataclass
class Carrier:
    """Fails for some ids as told; `hold` keeps it waiting until it is set."""

    failing: dict[str, DeliveryFailed] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    hold: asyncio.Event | None = None

    async def deliver(self, notice: Notification) -> None:
        """Raises DeliveryFailed for the ids in `failing`; records all others."""
        if self.hold is not None:
            await self.hold.wait()
        if notice.id in self.failing:
            raise self.failing[notice.id]
        self.gone.append(notice.id)


async def send(stage: Stage, carrier: Carrier, way: str = "email") -> int:
    """Sends what is due."""
    return await send_notices(stage.facts.notices, way, carrier, stage.context.system)


async def waiting_for(stage: Stage, *addresses: str, way: str = "email") -> list[str]:
    """Cases with a result that is to be told to these addresses; returns the ids of all notices."""
    for address in addresses:
        handle = await stage.arrives()
        await stage.asks(handle, replace(WANTED, way=way, address=address))
    assert await send(stage, Carrier(), way) == len(addresses)  # the requests have arrived
    for _ in addresses:
        await stage.approves()
    return [notice.id for notice in await stage.sent()]


async def written(stage: Stage, *ids: str, not_before: float | None = None) -> list[str]:
    """Notices of these ids in the outbox, for a case that needs none by itself; returns the ids."""
    handle = await stage.arrives()
    await stage.asks(handle)
    case, now = await stage.case(handle), stage.clock.now()
    assert await send(stage, Carrier()) == 1  # the request has arrived
    notices = tuple(
        Notification(
            notice, NotificationKind.CLOSING, "email", "a@example.org", "en", now, now + 900, {}, case.id, 0, not_before
        )
        for notice in ids
    )
    assert await stage.facts.cases.save(replace(case, version=case.version + 1), (), CaseWork(notices=notices))
    return list(ids)


async def became(stage: Stage, notice: str) -> NoticeRecord:
    """What became of a notice."""
    found = await stage.facts.notices.load(notice, stage.clock.now())
    assert found is not None
    return found


async def test_notices_go_out_once_and_one_that_fails_is_tried_again_and_stops_no_other(stage: Stage) -> None:
    waiting = await waiting_for(stage, "a@example.org", "b@example.org")
    carrier = Carrier({waiting[0]: DeliveryFailed("as told")})
    assert await send(stage, carrier) == len(waiting)
    assert sorted(carrier.gone) == sorted(waiting[1:])
    carrier.failing.clear()
    stage.clock.advance(TERMS.retry.min_delay * (1 - JITTER) - 1)
    assert await send(stage, carrier) == 0
    stage.clock.advance(TERMS.retry.min_delay * 2 * JITTER + 1)
    assert await send(stage, carrier) == 1
    assert sorted(carrier.gone) == sorted(waiting)
    assert {(await became(stage, notice)).status for notice in waiting} == {NoticeStatus.SENT}


async def test_a_notice_is_retried_until_it_expires_and_then_staff_see_it(stage: Stage) -> None:
    waiting = await waiting_for(stage, "a@example.org")
    carrier = Carrier({notice: DeliveryFailed("as told") for notice in waiting})
    for _ in range(100):  # more often than any other message is tried
        assert await send(stage, carrier) == len(waiting)
        stage.clock.advance(TERMS.retry.max_delay * 2)
    assert (await became(stage, waiting[0])).status is NoticeStatus.WAITING
    stage.clock.advance(3 * 86400)
    assert await send(stage, carrier) == 0
    assert (await became(stage, waiting[0])).status is NoticeStatus.UNDELIVERED


async def test_the_receiver_is_left_alone_for_as_long_as_it_asks(stage: Stage) -> None:
    [notice] = await waiting_for(stage, "a@example.org")
    carrier = Carrier({notice: DeliveryFailed("status 429", retry_after=3600)})
    assert await send(stage, carrier) == 1
    stage.clock.advance(3599)
    assert await send(stage, carrier) == 0
    stage.clock.advance(TERMS.retry.max_delay * 2)
    assert await send(stage, carrier) == 1


async def test_a_permanent_refusal_ends_the_notice_and_stays_visible_with_an_audit_row(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    [notice] = await waiting_for(stage, "gone@example.org")
    with caplog.at_level(logging.WARNING, "portico.notices"):
        assert await send(stage, Carrier({notice: DeliveryFailed("SMTPRecipientRefused 550", permanent=True)})) == 1
    assert [record.message for record in caplog.records] == ["notification_refused"]
    assert "gone" not in caplog.text
    stage.clock.advance(3600)
    assert await send(stage, Carrier()) == 0
    record = await became(stage, notice)
    assert record.status is NoticeStatus.UNDELIVERED
    assert record.case is not None
    now = stage.clock.now()
    of_case = await stage.facts.notices.of_case(record.case, now)
    assert [one for one in of_case if one.kind is NotificationKind.RESULT] == [record]
    case = await stage.facts.cases.load(record.case)
    assert case is not None
    assert await stage.facts.notices.undelivered(now, 10) == [(case.reference.replace("-", ""), record)]
    events = [event for _, event in await stage.facts.audit.read(0, 1000) if event.kind == "notice_undelivered"]
    assert [(event.case, event.details) for event in events] == [(case.id, {"notice": "result", "way": "email"})]


@pytest.mark.parametrize("permanent", [True, False])
@pytest.mark.parametrize("kind", NotificationKind)
async def test_no_log_contains_an_address_or_a_field(
    stage: Stage,
    caplog: pytest.LogCaptureFixture,
    kind: NotificationKind,
    permanent: bool,  # noqa: FBT001
) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    case, now = await stage.case(handle), stage.clock.now()
    assert await send(stage, Carrier()) == 1  # the request has arrived
    fields = {name: f"secret-{name}" for name in FIELDS[kind]}
    made = Notification("n", kind, "email", "secret@example.org", "en", now, now + 900, fields, case.id)
    assert await stage.facts.cases.save(replace(case, version=case.version + 1), (), CaseWork(notices=(made,)))
    with caplog.at_level(logging.DEBUG):
        await send(stage, Carrier({"n": DeliveryFailed("status 400", permanent=permanent)}))
    assert [record for record in caplog.records if record.name == "portico.notices"]
    assert not [record for record in caplog.records if "secret" in repr(vars(record))]
    assert "secret" not in repr(await stage.audit())


async def test_a_way_that_does_not_answer_holds_back_no_other_way(stage: Stage) -> None:
    await waiting_for(stage, "a@example.org")
    texts = await waiting_for(stage, "+447700900123", way="phone")
    slow, quick = Carrier(hold=asyncio.Event()), Carrier()
    stuck = asyncio.create_task(send(stage, slow))
    await send(stage, quick, "phone")
    assert [notice for notice in texts if notice in quick.gone]
    assert not stuck.done()
    held = slow.hold
    assert held is not None
    held.set()
    await stuck


async def test_more_notices_than_one_batch_go_out_in_one_run(stage: Stage) -> None:
    waiting = await written(stage, *(f"n{number}" for number in range(TERMS.batch + 1)))
    carrier = Carrier()
    assert await send(stage, carrier) == len(waiting) > TERMS.batch
    assert sorted(carrier.gone) == sorted(waiting)


async def test_a_notice_is_not_sent_before_its_time(stage: Stage) -> None:
    await written(stage, "later", not_before=stage.clock.now() + 600)
    carrier = Carrier()
    stage.clock.advance(599)
    assert await send(stage, carrier) == 0
    assert (await became(stage, "later")).status is NoticeStatus.WAITING
    stage.clock.advance(1)
    assert await send(stage, carrier) == 1
    assert carrier.gone == ["later"]


async def test_a_notice_that_expired_is_not_sent_any_more(stage: Stage) -> None:
    await waiting_for(stage, "a@example.org")
    stage.clock.advance(4 * 86400)
    carrier = Carrier()
    assert await send(stage, carrier) == 0
    assert carrier.gone == []


async def test_a_receipt_is_recorded_once(stage: Stage) -> None:
    arrived, lost = await waiting_for(stage, "a@example.org", "b@example.org")
    await send(stage, Carrier())
    now = stage.clock.now()
    assert await stage.facts.notices.record_receipt(arrived, None)
    assert not await stage.facts.notices.record_receipt(arrived, undelivered("result", "email", None, now))
    assert await stage.facts.notices.record_receipt(lost, undelivered("result", "email", None, now))
    assert not await stage.facts.notices.record_receipt(lost, None)
    assert (await became(stage, arrived)).status is NoticeStatus.DELIVERED
    assert (await became(stage, lost)).status is NoticeStatus.UNDELIVERED
    assert not await stage.facts.notices.record_receipt("unknown", None)
