"""What every SQL store guarantees when a provider says that its session ended, in SQLite or in PostgreSQL."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from broker.model.audit import AuditEvent
from broker.model.identity import Identity
from broker.model.outbound_delivery import OutboundDelivery
from broker.model.session import EndedSession, UpstreamLogout, no_fan_out
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import OpenSqlStores
from tests.contracts.stores.samples import ISSUER, SERVICE, answer, code, identity, session
from tests.support.system import FakeClock

pytestmark = pytest.mark.store


def ended_by(now: float) -> AuditEvent:
    """The audit event of a session that a provider ended."""
    return AuditEvent("session_ended", now, "broker", provider="bank", details={"why": "provider"})


async def sign_in(sql: SqlStores, now: float, people: Mapping[str, Identity]) -> None:
    """A session of each name, which this identity proved."""
    for name, person in people.items():
        coded = code(now, name, client_id=SERVICE)
        begun = session(now, name, identity=person)
        assert await sql.authorizations.record(answer(now, name, person.subject, code=coded, session=begun))


async def live(sql: SqlStores, now: float, *names: str) -> list[str]:
    """The sessions of these that have not ended."""
    return [name for name in names if await sql.sessions.load(session(now, name).digest)]


async def end(sql: SqlStores, logout: UpstreamLogout, now: float, only: str | None = None) -> int | None:
    """The number of sessions that ended; None for a logout that was received before."""
    ended = await sql.upstream_logouts.end(logout, ended_by(now), no_fan_out, only)
    return None if ended is None else len(ended)


async def test_a_logout_of_a_subject_ends_the_sessions_that_it_proved_before(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    proven = identity("ann", auth_time=int(now), upstream_sid="up-1")
    people = {
        "first": proven,
        "no-sid": replace(proven, upstream_sid=None),
        "later": replace(proven, auth_time=int(now) + 60),
        "other-sid": replace(proven, upstream_sid="up-2"),
        "stranger": replace(proven, subject="ben"),
    }
    await sign_in(sql, now, people)
    told: list[EndedSession] = []

    def fan_out(ended: EndedSession) -> Sequence[OutboundDelivery]:
        told.append(ended)
        return ()

    logout = UpstreamLogout(ISSUER, "ann", "up-1", now)
    found = await sql.upstream_logouts.end(logout, ended_by(now), fan_out)
    assert found == told
    assert [tuple(one.services) for one in told] == [(SERVICE,), (SERVICE,)]
    assert await live(sql, now, *people) == ["later", "other-sid", "stranger"]
    rows = [event for _, event in await sql.audit.read(0, 1000) if event.kind == "session_ended"]
    assert len(rows) == 2
    assert await end(sql, logout, now) == 0
    assert await end(sql, replace(logout, subject="nobody"), now) == 0
    assert await end(sql, replace(logout, sid=None, at=now + 90), now) == 2


async def test_a_logout_of_a_session_alone_ends_what_began_in_it_and_nothing_else(
    sql: SqlStores, clock: FakeClock
) -> None:
    now = clock.now()
    proven = identity("ann", auth_time=int(now), upstream_sid="up-1")
    people = {
        "first": proven,
        "second": replace(proven, subject="ben"),
        "no-sid": replace(proven, upstream_sid=None),
        "other-sid": replace(proven, upstream_sid="up-2"),
        "other-issuer": replace(proven, issuer="https://post.example"),
        "later": replace(proven, auth_time=int(now) + 60),
    }
    await sign_in(sql, now, people)
    logout = UpstreamLogout(ISSUER, None, "up-1", now)
    assert await end(sql, replace(logout, sid="up-3"), now) == 0
    assert await end(sql, logout, now, only=session(now, "other-sid").digest) == 0
    assert await end(sql, logout, now, only=session(now, "second").digest) == 1
    assert await end(sql, logout, now) == 1
    assert await live(sql, now, *people) == ["no-sid", "other-sid", "other-issuer", "later"]


async def test_a_session_is_found_by_the_last_session_at_the_provider_that_proved_it(
    sql: SqlStores, clock: FakeClock
) -> None:
    now, proven = clock.now(), identity("ann", upstream_sid="up-1")
    begun = session(now, identity=proven)
    await sql.authorizations.record(answer(now, "1", "ann", session=begun))
    again = replace(begun, digest="a new cookie", identity=replace(proven, upstream_sid="up-2"))
    await sql.authorizations.record(answer(now, "2", "ann", session=again))
    logout = UpstreamLogout(ISSUER, None, "up-1", now)
    assert await end(sql, logout, now) == 0
    assert await end(sql, replace(logout, sid="up-2"), now) == 1


async def test_a_jti_counts_once_for_each_issuer_also_when_two_processes_receive_it(
    open_one: OpenSqlStores, clock: FakeClock
) -> None:
    stores, now = [await open_one() for _ in range(2)], clock.now()
    proven = identity("ann", auth_time=int(now), upstream_sid="up-1")
    await sign_in(stores[0], now, {"first": proven})
    logout = UpstreamLogout(ISSUER, None, "up-1", now, jti="j-1")
    found = await asyncio.gather(*(end(one, logout, now) for one in stores))
    assert sorted(found, key=lambda count: count is None) == [1, None]
    assert await end(stores[0], replace(logout, issuer="https://post.example"), now) == 0
    assert await end(stores[0], replace(logout, jti="j-2"), now) == 0
