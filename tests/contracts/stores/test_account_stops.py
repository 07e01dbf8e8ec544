"""What every SQL store guarantees when a citizen says "this was not me"."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from broker.model.account import AccountStop, LinkResult, LinkWrite, WayStop
from broker.model.assurance import Level
from broker.model.outbound_delivery import OutboundDelivery
from broker.model.session import EndedSession, no_fan_out
from broker.model.store_results import RedeemResult
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.samples import (
    ISSUER,
    SECTOR,
    SERVICE,
    answer,
    claim_due,
    code,
    delivery,
    event,
    grant,
    identity,
    release,
    session,
    tokens,
)
from tests.support.system import FakeClock

pytestmark = pytest.mark.store

ACCOUNT = "account-1"


def stop(now: float, way: str | None = None, account: str = ACCOUNT) -> AccountStop:
    """Everything ends."""
    disowned = replace(event(now, "account_disowned"), account=account)
    return AccountStop(account, way, disowned, event(now, "session_ended"), no_fan_out, (delivery(now, "told"),))


async def open_account(sql: SqlStores, now: float) -> None:
    """A citizen with a session, a grant that outlives it, and a code; another citizen beside."""
    begun = session(now)
    for name in ("1", "2"):
        made = code(now, name, release=release(session=begun.id))
        await sql.authorizations.record(answer(now, name, session=begun, code=made, proved=now - 100))
    offline = grant(code(now, "1"), now, "1", account=ACCOUNT, scope=("openid", "offline_access"))
    done = await sql.grants.redeem(code(now, "1").digest, offline, tokens(now, "1"), None, ())
    assert done is RedeemResult.DONE
    await sql.authorizations.record(answer(now, "bob", "bob", session=session(now, "bob")))


async def test_everything_of_the_account_ends_and_nothing_of_another(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await open_account(sql, now)
    [way] = await sql.identity_links.ways(ACCOUNT)
    assert await sql.account_stops.stop(stop(now + 1, way.key))
    assert await sql.sessions.load(session(now).digest) is None
    assert [await sql.grants.token(one.digest) for one in tokens(now, "1")] == [None, None]
    late = grant(code(now, "2"), now, "2", account=ACCOUNT)
    assert await sql.grants.redeem(code(now, "2").digest, late, [], None, ()) is RedeemResult.USED_BEFORE
    assert await sql.sessions.load(session(now, "bob").digest) is not None
    assert [one.id for one in await claim_due(sql, now + 1, now + 2)] == ["logout:told"]
    kinds = [one.kind for _, one in await sql.audit.read(0, 100)]
    assert (kinds.count("account_disowned"), kinds.count("session_ended")) == (1, 1)


async def test_a_stopped_way_answers_nothing_until_it_is_turned_on_again(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await open_account(sql, now)
    [way] = await sql.identity_links.ways(ACCOUNT)
    await sql.account_stops.stop(stop(now + 1, way.key))
    known = await sql.authorizations.linked_identity(ISSUER, "ann", SECTOR, SERVICE)
    assert known is not None
    assert (known.stopped, known.blocked, known.fresh_after) == (True, False, now + 1)
    again = answer(now, "3", session=None, proved=now + 2)
    assert await sql.authorizations.record(again) is None
    assert not await sql.account_stops.resume("account-bob", way.key, event(now))
    assert await sql.account_stops.resume(ACCOUNT, way.key, event(now))
    assert not await sql.account_stops.resume(ACCOUNT, way.key, event(now))
    assert await sql.authorizations.record(again) is not None


async def test_no_earlier_sign_in_counts_after_a_stop(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await open_account(sql, now)
    await sql.account_stops.stop(stop(now + 1))
    assert await sql.authorizations.record(answer(now, "3", session=None, proved=now)) is None
    assert await sql.authorizations.record(answer(now, "4", session=None, proved=now + 2)) is not None
    [way] = await sql.identity_links.ways(ACCOUNT)
    assert way.stopped is None


async def test_a_stop_that_fails_halfway_changes_nothing(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await open_account(sql, now)

    def unlucky(_ended: EndedSession) -> Sequence[OutboundDelivery]:
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        await sql.account_stops.stop(replace(stop(now + 1), logout_fan_out=unlucky))
    assert await sql.sessions.load(session(now).digest) is not None
    assert await sql.grants.token(tokens(now, "1")[0].digest) is not None
    assert not await sql.account_stops.stop(stop(now + 1, account="account-of-nobody"))


async def test_one_way_is_stopped_if_another_one_proves_as_much(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await open_account(sql, now)
    [way] = await sql.identity_links.ways(ACCOUNT)
    off = replace(event(now + 1, "way_turned_off"), account=ACCOUNT)
    write = WayStop(ACCOUNT, way.key, off, event(now + 1, "session_ended"), no_fan_out)
    assert not await sql.account_stops.stop_way(write)
    lower = identity("ann-elsewhere", level=Level.LOW)
    link = LinkWrite(ACCOUNT, session(now), lower, event(now, "identity_linked"), event(now), no_fan_out)
    assert await sql.identity_links.link(link) is LinkResult.LINKED
    assert not await sql.account_stops.stop_way(write)
    [_, second] = await sql.identity_links.ways(ACCOUNT)
    assert await sql.account_stops.stop_way(replace(write, way=second.key))
    assert not await sql.account_stops.stop_way(replace(write, way=second.key))
    assert not await sql.account_stops.stop_way(replace(write, account="account-bob"))
    assert [one.stopped for one in await sql.identity_links.ways(ACCOUNT)] == [None, now + 1]
    assert await sql.sessions.load(session(now).digest) is not None
    kinds = [one.kind for _, one in await sql.audit.read(0, 100)]
    assert kinds.count("way_turned_off") == 1
