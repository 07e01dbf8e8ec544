"""What every SQL store guarantees about streams of security events, in SQLite or in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from broker.model.event_stream import DeliveryMethod, EventStream, StreamStatus
from broker.model.outbound_delivery import DeliveryKind, OutboundDelivery
from broker.model.service import PUBLIC_SECTOR
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.database_dumps import query
from tests.contracts.stores.samples import SECTOR, SERVICE, answer, claim_due, code, event, session
from tests.support.system import FakeClock

pytestmark = pytest.mark.store

EVENTS = DeliveryKind.SECURITY_EVENT


def stream(now: float, **changes: object) -> EventStream:
    """The stream of the service."""
    made = EventStream(
        "stream-1",
        SERVICE,
        now,
        method=DeliveryMethod.PUSH,
        endpoint="https://passports.example/events",
        authorization="Bearer secret",
        requested=("event-a",),
        description="ours",
        reason="because",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


async def write_events(sql: SqlStores, now: float, *names: str) -> None:
    """Security events to the service, one second after the other, written as the end of a session writes them."""
    await sql.authorizations.record(answer(now, "writer", "writer"))
    made = [
        OutboundDelivery(f"event:{name}", EVENTS, SERVICE, now + n, now + 7 * 86_400, {"event": "event-a"})
        for n, name in enumerate(names)
    ]
    await sql.sessions.end(session(now, "writer").digest, event(now), lambda _ended: made)


def ids(found: Sequence[OutboundDelivery]) -> list[str]:
    """The ids of deliveries."""
    return [one.id for one in found]


async def test_a_service_has_one_stream_which_is_saved_and_deleted(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    assert await sql.streams.of_client(SERVICE) is None
    assert await sql.streams.create(stream(now), event(now, "stream_created"))
    assert not await sql.streams.create(stream(now, id="stream-2"), event(now, "stream_created"))
    assert await sql.streams.of_client(SERVICE) == stream(now)
    paused = stream(now, status=StreamStatus.PAUSED)
    assert await sql.streams.save(paused, event(now, "stream_changed"))
    assert await sql.streams.of_client(SERVICE) == paused
    assert not await sql.streams.save(stream(now, client_id="tax"), event(now, "stream_changed"))
    assert not await sql.streams.delete(stream(now, client_id="tax"), event(now, "stream_deleted"))
    assert await sql.streams.delete(paused, event(now, "stream_deleted"))
    assert not await sql.streams.delete(paused, event(now, "stream_deleted"))
    assert await sql.streams.of_client(SERVICE) is None
    assert [one.kind for _, one in await sql.audit.read(0, 9)] == ["stream_created", "stream_changed", "stream_deleted"]


async def test_the_header_of_a_receiver_is_sealed(sql: SqlStores, clock: FakeClock, sql_url: str) -> None:
    now = clock.now()
    await sql.streams.create(stream(now), event(now))
    [[content]] = await query(sql_url, "SELECT sealed FROM event_streams")
    assert b"secret" not in bytes(content)


async def test_events_are_claimed_one_by_one_in_their_order(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await write_events(sql, now, "a", "b", "c")
    await sql.streams.create(stream(now), event(now))
    clock.advance(10)
    now = clock.now()
    lane = sql.deliveries.lane(EVENTS, SERVICE)
    assert ids(await lane.claim(now, now + 15, 1)) == ["event:a"]
    assert ids(await lane.claim(now, now + 15, 1)) == []
    await lane.postpone("event:a", now + 50)
    assert ids(await lane.claim(now + 20, now + 30, 1)) == []
    assert ids(await lane.claim(now + 50, now + 60, 1)) == ["event:a"]
    await lane.mark_sent("event:a", now + 50)
    assert ids(await lane.claim(now + 50, now + 60, 1)) == ["event:b"]
    await lane.give_up("event:b")
    assert ids(await lane.claim(now + 50, now + 60, 1)) == ["event:c"]


@pytest.mark.parametrize("change", [{"method": DeliveryMethod.POLL}, {"status": StreamStatus.PAUSED}])
async def test_events_of_a_polled_or_paused_stream_wait(
    sql: SqlStores, clock: FakeClock, change: dict[str, object]
) -> None:
    now = clock.now()
    await sql.streams.create(stream(now, **change), event(now))
    await write_events(sql, now, "a")
    assert await sql.deliveries.due(now) == []
    assert await claim_due(sql, now, now + 1) == []
    assert await sql.deliveries.lane(EVENTS, SERVICE).claim(now, now + 1, 1) == []
    await sql.streams.save(stream(now), event(now))
    assert ids(await claim_due(sql, now, now + 1)) == ["event:a"]


async def test_events_are_polled_since_the_stream_began_and_acknowledged_by_their_service_alone(
    sql: SqlStores, clock: FakeClock
) -> None:
    now = clock.now()
    await write_events(sql, now, "a", "b", "c")
    polled = stream(now + 1, method=DeliveryMethod.POLL)
    await sql.streams.create(polled, event(now))
    assert ids(await sql.streams.pending(polled, now + 9, 10)) == ["event:b", "event:c"]
    assert ids(await sql.streams.pending(polled, now + 9, 1)) == ["event:b"]
    await sql.streams.mark_taken("tax", ["event:b"], now)
    await sql.streams.drop("tax", ["event:c"])
    assert ids(await sql.streams.pending(polled, now + 9, 10)) == ["event:b", "event:c"]
    await sql.streams.mark_taken(SERVICE, ["event:b"], now)
    await sql.streams.drop(SERVICE, ["event:c", "event:x"])
    assert await sql.streams.pending(polled, now + 9, 10) == []
    assert await sql.streams.pending(replace(polled, created=now), now + 8 * 86_400, 10) == []


@pytest.mark.parametrize("ending", ["disabled", "deleted"])
async def test_events_that_wait_go_with_the_end_of_their_stream(sql: SqlStores, clock: FakeClock, ending: str) -> None:
    now, polled = clock.now(), stream(clock.now(), method=DeliveryMethod.POLL)
    await sql.streams.create(polled, event(now))
    await write_events(sql, now, "a")
    if ending == "disabled":
        await sql.streams.save(replace(polled, status=StreamStatus.DISABLED), event(now))
    else:
        await sql.streams.delete(polled, event(now))
    assert await sql.streams.pending(polled, now, 10) == []
    assert await sql.deliveries.waiting(now) == []


async def test_a_verification_event_is_written_once_in_its_interval(sql: SqlStores, clock: FakeClock) -> None:
    now, polled = clock.now(), stream(clock.now(), method=DeliveryMethod.POLL)
    await sql.streams.create(polled, event(now))
    made = [OutboundDelivery(f"event:v{n}", EVENTS, SERVICE, now, now + 60) for n in range(3)]
    assert await sql.streams.verify(polled, made[0], now, 5)
    assert not await sql.streams.verify(polled, made[1], now + 4, 5)
    assert await sql.streams.verify(polled, made[2], now + 5, 5)
    assert ids(await sql.streams.pending(polled, now + 5, 10)) == ["event:v0", "event:v2"]


async def test_a_citizen_can_be_excluded_and_included_if_the_sector_knows_them(
    sql: SqlStores, clock: FakeClock, sql_url: str
) -> None:
    now = clock.now()
    await sql.authorizations.record(answer(now))
    await sql.streams.exclude(SERVICE, SECTOR, "pairwise-1", now)
    await sql.streams.exclude(SERVICE, SECTOR, "pairwise-1", now + 1)
    await sql.streams.exclude(SERVICE, SECTOR, "nobody", now)
    await sql.streams.exclude(SERVICE, "another.example", "pairwise-1", now)
    assert await query(sql_url, "SELECT client_id, sub FROM excluded_subjects") == [(SERVICE, "pairwise-1")]
    assert await sql.streams.is_excluded(SERVICE, "pairwise-1")
    assert not await sql.streams.is_excluded("tax", "pairwise-1")
    await sql.streams.include("tax", "pairwise-1")
    assert await sql.streams.is_excluded(SERVICE, "pairwise-1")
    await sql.streams.include(SERVICE, "pairwise-1")
    assert not await sql.streams.is_excluded(SERVICE, "pairwise-1")


async def test_a_service_that_does_not_know_a_citizen_learns_no_subject(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await sql.authorizations.record(answer(now))
    assert await sql.streams.subject("account-1", SECTOR, SERVICE) == "pairwise-1"
    assert await sql.streams.subject("account-1", "another.example", "tax") is None
    assert await sql.streams.subject("account-2", SECTOR, SERVICE) is None


async def test_public_subjects_are_told_to_services_that_received_them_alone(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    public = code(now, client_id="tax")
    await sql.authorizations.record(answer(now, code=public, sector=PUBLIC_SECTOR))
    assert await sql.streams.subject("account-1", PUBLIC_SECTOR, "tax") == "pairwise-1"
    assert await sql.streams.subject("account-1", PUBLIC_SECTOR, SERVICE) is None
