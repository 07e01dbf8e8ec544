"""What every SQL store guarantees about sessions of citizens and of staff, in SQLite or in PostgreSQL."""

import asyncio
from dataclasses import replace

import pytest

from broker.model.identity import Identity
from broker.model.session import EndedSession, no_fan_out
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import OpenSqlStores
from tests.contracts.stores.samples import SERVICE, answer, event, session, staff_attempt, staff_session
from tests.support.system import FakeClock

pytestmark = pytest.mark.store


async def test_a_session_is_ended_once_and_gives_what_it_was(sql: SqlStores, clock: FakeClock) -> None:
    begun = session(clock.now())
    await sql.authorizations.record(answer(clock.now(), session=begun))
    await sql.audit_chain.seal_once()
    ended = await sql.sessions.end(begun.digest, event(clock.now()), no_fan_out)
    assert ended == EndedSession(begun.id, begun.account, {SERVICE: "pairwise-1"})
    assert await sql.sessions.load(begun.digest) is None
    assert await sql.sessions.end(begun.digest, event(clock.now()), no_fan_out) is None
    assert await sql.audit_chain.seal_once() == 1


async def test_of_concurrent_ends_of_a_session_one_succeeds(open_one: OpenSqlStores, clock: FakeClock) -> None:
    stores = [await open_one() for _ in range(2)]
    begun = session(clock.now())
    await stores[0].authorizations.record(answer(clock.now(), session=begun))
    ended = await asyncio.gather(
        *(stores[n % 2].sessions.end(begun.digest, event(clock.now()), no_fan_out) for n in range(10))
    )
    assert [one.id for one in ended if one] == [begun.id]


async def test_an_unknown_session_is_not_live(sql: SqlStores, clock: FakeClock) -> None:
    assert await sql.sessions.load("nothing") is None
    assert await sql.sessions.end("nothing", event(clock.now()), no_fan_out) is None


async def test_a_new_epoch_ends_the_sessions_of_the_earlier_ones(sql: SqlStores, clock: FakeClock) -> None:
    begun, staff = session(clock.now()), staff_session(clock.now())
    await sql.authorizations.record(answer(clock.now(), "1", session=begun))
    await sql.staff_sessions.start(staff, None, ())
    await sql.counters.raise_epoch("operator", clock.now())
    assert await sql.sessions.load(begun.digest) is None
    assert await sql.staff_sessions.load(staff.digest) is None
    await sql.authorizations.record(answer(clock.now(), "2", session=begun))
    assert await sql.sessions.load(begun.digest) is None


async def test_the_identity_of_an_expired_session_is_erased(sql: SqlStores, clock: FakeClock) -> None:
    begun = session(clock.now())
    await sql.authorizations.record(answer(clock.now(), session=begun))
    await sql.sweep(begun.expires - 1)
    assert await sql.sessions.load(begun.digest) == begun
    await sql.sweep(begun.expires)
    assert await sql.sessions.load(begun.digest) is None


async def test_an_identity_that_was_revised_stays_when_its_session_is_renewed(sql: SqlStores, clock: FakeClock) -> None:
    begun = session(clock.now())
    await sql.authorizations.record(answer(clock.now(), session=begun))
    revised = replace(begun.identity, id_token="the next one")
    assert await sql.sessions.revise(begun.digest, lambda _: None) == begun.identity
    assert await sql.sessions.revise(begun.digest, lambda _: revised) == begun.identity
    await sql.authorizations.record(answer(clock.now(), "2", session=replace(begun, used=begun.used + 1)))
    assert await sql.sessions.load(begun.digest) == replace(begun, used=begun.used + 1, identity=revised)
    renewed = replace(begun, digest="another", identity=replace(begun.identity, id_token="of a new sign-in"))
    await sql.authorizations.record(answer(clock.now(), "3", session=renewed))
    assert await sql.sessions.load(renewed.digest) == renewed


async def test_an_identity_is_revised_by_one_at_a_time_and_never_of_an_ended_session(
    open_one: OpenSqlStores, clock: FakeClock
) -> None:
    stores = [await open_one() for _ in range(2)]
    begun = session(clock.now())
    await stores[0].authorizations.record(answer(clock.now(), session=begun))

    def count(found: Identity) -> Identity:
        return replace(found, auth_time=found.auth_time + 1)

    before = await asyncio.gather(*(stores[n % 2].sessions.revise(begun.digest, count) for n in range(10)))
    first = begun.identity.auth_time
    assert sorted(one.auth_time for one in before if one is not None) == list(range(first, first + 10))
    await stores[0].sessions.end(begun.digest, event(clock.now()), no_fan_out)
    assert await stores[1].sessions.revise(begun.digest, count) is None
    assert await stores[1].sessions.revise("nothing", count) is None


async def test_a_staff_sign_in_on_its_way_is_claimed_once(sql: SqlStores, clock: FakeClock) -> None:
    leaving = staff_attempt(clock.now())
    await sql.staff_sessions.store_attempt(leaving)
    assert await sql.staff_sessions.attempt(leaving.digest) == leaving
    claims = await asyncio.gather(*(sql.staff_sessions.claim(leaving.digest) for _ in range(10)))
    assert claims.count(True) == 1
    assert await sql.staff_sessions.attempt(leaving.digest) is None
    assert not await sql.staff_sessions.claim("nothing")


async def test_a_staff_session_is_started_touched_and_ended(sql: SqlStores, clock: FakeClock) -> None:
    begun = staff_session(clock.now())
    await sql.staff_sessions.start(begun, None, (event(clock.now()),))
    assert await sql.staff_sessions.load(begun.digest) == begun
    await sql.staff_sessions.touch(begun.digest, begun.used + 10)
    await sql.staff_sessions.touch(begun.digest, begun.used + 5)
    await sql.staff_sessions.touch("nothing", begun.used + 5)
    assert await sql.staff_sessions.load(begun.digest) == replace(begun, used=begun.used + 10)
    await sql.audit_chain.seal_once()
    for _ in range(2):
        await sql.staff_sessions.end(begun.digest, event(clock.now()))
    assert await sql.staff_sessions.load(begun.digest) is None
    assert await sql.audit_chain.seal_once() == 1


async def test_a_staff_session_ends_the_one_that_it_replaces(sql: SqlStores, clock: FakeClock) -> None:
    one, other, third = (staff_session(clock.now(), name) for name in "123")
    await sql.staff_sessions.start(one, None, ())
    await sql.staff_sessions.start(third, None, ())
    await sql.staff_sessions.start(other, one.digest, ())
    assert await sql.staff_sessions.load(one.digest) is None
    assert await sql.staff_sessions.load(other.digest) == other
    assert await sql.staff_sessions.load(third.digest) == third
