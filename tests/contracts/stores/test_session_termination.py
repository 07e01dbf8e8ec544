"""What every SQL store guarantees when sessions end, in SQLite or in PostgreSQL."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from broker.model.kill_switches import KillSwitchKind
from broker.model.outbound_delivery import DeliveryBacklog, DeliveryKind, OutboundDelivery
from broker.model.session import EndedSession, no_fan_out
from broker.model.store_results import RedeemResult, SupersededSession
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import OpenSqlStores
from tests.contracts.stores.samples import (
    SERVICE,
    answer,
    claim_due,
    code,
    delivery,
    event,
    grant,
    release,
    session,
    tokens,
)
from tests.support.system import FakeClock

pytestmark = pytest.mark.store


def logout_tokens(ended: EndedSession) -> Sequence[OutboundDelivery]:
    """A logout token for each service of the session."""
    return [
        delivery(0, f"{ended.id}:{client}", client_id=client, expires=4e9, content={"sid": ended.id, "sub": subject})
        for client, subject in ended.services.items()
    ]


async def waiting(sql: SqlStores, now: float) -> set[tuple[str, str, str]]:
    """The claimed deliveries: service, session and subject of each."""
    found = await claim_due(sql, now, now + 1, 100)
    return {(one.client_id, one.content["sid"], one.content["sub"]) for one in found}


async def test_every_service_that_was_answered_in_a_session_took_part_in_it(sql: SqlStores, clock: FakeClock) -> None:
    now, begun = clock.now(), session(clock.now())
    await sql.authorizations.record(answer(now, "1", session=begun))
    tax = code(now, "2", client_id="tax")
    await sql.authorizations.record(answer(now, "2", session=begun, code=tax, sector="tax.example"))
    await sql.authorizations.record(answer(now, "3", session=begun, code=code(now, "3", client_id="tax")))
    await sql.authorizations.record(answer(now, "4", session=begun, code=None, client_id="late"))
    await sql.authorizations.record(answer(now, "5", session=session(now, "5"), code=code(now, "5", client_id="other")))
    ended = await sql.sessions.end(begun.digest, event(now), logout_tokens)
    assert ended is not None
    assert dict(ended.services) == {SERVICE: "pairwise-1", "tax": "pairwise-1"}
    assert await waiting(sql, now) == {(SERVICE, "sid-1", "pairwise-1"), ("tax", "sid-1", "pairwise-1")}


async def test_logout_tokens_are_written_in_the_transaction_that_ends_the_session(
    sql: SqlStores, clock: FakeClock
) -> None:
    begun = session(clock.now())
    await sql.authorizations.record(answer(clock.now(), session=begun))

    def unlucky(_ended: EndedSession) -> Sequence[OutboundDelivery]:
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        await sql.sessions.end(begun.digest, event(clock.now()), unlucky)
    assert await sql.sessions.load(begun.digest) == begun
    assert await sql.sessions.end(begun.digest, event(clock.now()), logout_tokens)
    assert await sql.sessions.end(begun.digest, event(clock.now()), logout_tokens) is None
    assert len(await waiting(sql, clock.now())) == 1


async def test_a_service_that_joins_a_session_while_it_ends_gets_a_logout_token_or_no_code(
    open_one: OpenSqlStores, clock: FakeClock
) -> None:
    stores = [await open_one() for _ in range(2)]
    now = clock.now()
    for number in range(8):
        name, person = f"{number}", f"person-{number}"
        begun = session(now, name)
        await stores[0].authorizations.record(answer(now, name, person, session=begun))
        late = code(now, f"late-{name}", client_id="tax", release=release(session=begun.id))
        joining = answer(now, f"late-{name}", person, session=begun, code=late)
        await asyncio.gather(
            stores[0].authorizations.record(joining), stores[1].sessions.end(begun.digest, event(now), logout_tokens)
        )
        notified = {client for client, sid, _ in await waiting(stores[0], now) if sid == begun.id}
        known = await stores[0].grants.code(late.digest)
        assert known is not None
        assert known.session_ended
        assert notified >= {SERVICE}
        made = grant(late, now, f"late-{name}")
        assert await stores[0].grants.redeem(late.digest, made, [], None, ()) is RedeemResult.USED_BEFORE
        clock.advance(2)


async def test_codes_and_grants_of_a_session_open_nothing_once_it_has_ended(sql: SqlStores, clock: FakeClock) -> None:
    now, begun = clock.now(), session(clock.now())
    spent, kept, unused = (code(now, name, release=release(session=begun.id)) for name in "123")
    for one in (spent, kept, unused):
        await sql.authorizations.record(answer(now, one.digest, session=begun, code=one))
    offline = grant(kept, now, "2", scope=("openid", "offline_access"), account="account-" + spent.digest)
    online = grant(spent, now, "1", account="account-" + spent.digest)
    assert await sql.grants.redeem(spent.digest, online, tokens(now, "1")[:1], None, ()) is RedeemResult.DONE
    assert await sql.grants.redeem(kept.digest, offline, tokens(now, "2"), None, ()) is RedeemResult.DONE
    assert await sql.grants.token(tokens(now, "1")[0].digest) is not None
    await sql.sessions.end(begun.digest, event(now), no_fan_out)
    assert await sql.grants.token(tokens(now, "1")[0].digest) is None
    assert await sql.grants.refresh(online.id, tokens(now, "3")[0], None, ()) is RedeemResult.USED_BEFORE
    # an offline grant outlives the session
    assert await sql.grants.token(tokens(now, "2")[1].digest) is not None
    assert await sql.grants.refresh(offline.id, tokens(now, "4")[0], None, ()) is RedeemResult.DONE
    known = await sql.grants.code(unused.digest)
    assert known is not None
    assert known.session_ended
    assert not known.redeemed
    refused = await sql.grants.redeem(unused.digest, grant(unused, now, "3"), (), None, ())
    assert refused is RedeemResult.USED_BEFORE


async def test_a_session_that_merely_expired_takes_no_grant_along(sql: SqlStores, clock: FakeClock) -> None:
    now, begun = clock.now(), session(clock.now())
    one = code(now, "1", release=release(session=begun.id))
    await sql.authorizations.record(answer(now, session=begun, code=one))
    await sql.grants.redeem(one.digest, grant(one, now), tokens(now), None, ())
    await sql.sweep(begun.expires + 1)
    assert await sql.grants.token(tokens(now)[0].digest) is not None


async def test_a_session_proven_anew_has_another_digest_and_the_services_it_had(
    sql: SqlStores, clock: FakeClock
) -> None:
    now, begun = clock.now(), session(clock.now())
    await sql.authorizations.record(answer(now, "1", session=begun))
    renewed = replace(begun, digest="another")
    await sql.authorizations.record(answer(now, "2", session=renewed, code=code(now, "2", client_id="tax")))
    assert await sql.sessions.load(begun.digest) is None
    assert await sql.sessions.load("another") == renewed
    ended = await sql.sessions.end("another", event(now), logout_tokens)
    assert ended is not None
    assert set(ended.services) == {SERVICE, "tax"}


async def test_the_previous_users_session_ends_with_the_answer_that_replaces_it(
    sql: SqlStores, clock: FakeClock
) -> None:
    now, theirs = clock.now(), session(clock.now(), "1")
    await sql.authorizations.record(answer(now, "1", session=theirs))
    replaced = SupersededSession(theirs.digest, event(now, "session_ended"), logout_tokens)
    assert await sql.authorizations.record(answer(now, "2", "bob", replaced=replaced))
    assert await sql.sessions.load(theirs.digest) is None
    assert await waiting(sql, now) == {(SERVICE, "sid-1", "pairwise-1")}
    assert await sql.sessions.load(session(now, "2").digest) is not None


async def test_an_answer_that_is_not_written_ends_no_session(sql: SqlStores, clock: FakeClock) -> None:
    now, theirs = clock.now(), session(clock.now(), "1")
    await sql.authorizations.record(answer(now, "1", session=theirs, code=code(now, "1", pushed="same")))
    replaced = SupersededSession(theirs.digest, event(now, "session_ended"), logout_tokens)
    again = answer(now, "2", "bob", code=code(now, "2", pushed="same"), replaced=replaced)
    assert await sql.authorizations.record(again) is None
    assert await sql.sessions.load(theirs.digest) == theirs
    assert await waiting(sql, now) == set()


async def test_with_an_account_all_its_sessions_end_and_no_others(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await sql.authorizations.record(answer(now, "1"))
    await sql.authorizations.record(answer(now, "2"))
    await sql.authorizations.record(answer(now, "3", "bob"))
    await sql.audit_chain.seal_once()
    board = sql.kill_switches
    assert await board.turn_off(KillSwitchKind.ACCOUNT, "account-1", "asked for", "operator", now, logout_tokens)
    assert {sid for _, sid, _ in await waiting(sql, now)} == {"sid-1", "sid-2"}
    assert await sql.audit_chain.seal_once() == 3
    for name, live in (("1", False), ("2", False), ("3", True)):
        assert (await sql.sessions.load(session(now, name).digest) is not None) is live
    assert not await board.turn_off(KillSwitchKind.ACCOUNT, "account-1", "asked for", "operator", now, logout_tokens)
    await board.turn_on(KillSwitchKind.ACCOUNT, "account-1", "operator", now)
    assert await sql.sessions.load(session(now, "1").digest) is None
    assert await sql.sessions.end_all("account-3", event(now), logout_tokens) == 1
    assert await sql.sessions.end_all("account-3", event(now), logout_tokens) == 0


# --- deliveries ---


async def three(sql: SqlStores, clock: FakeClock) -> None:
    """Three deliveries that wait."""
    for number in range(3):
        name, now = f"{number}", clock.now()
        await sql.authorizations.record(answer(now, name, f"person-{name}"))
        made = delivery(now, name, expires=now + 100)
        await sql.sessions.end(session(now, name).digest, event(now), lambda _ended, made=made: [made])
        clock.advance(1)


async def test_a_claimed_delivery_passes_to_another_worker_after_its_lease(
    open_one: OpenSqlStores, clock: FakeClock
) -> None:
    stores = [await open_one() for _ in range(4)]
    await three(stores[0], clock)
    now = clock.now()
    claimed = await asyncio.gather(*(claim_due(store, now, now + 15, 1) for store in stores))
    assert sorted(one.id for found in claimed for one in found) == ["logout:0", "logout:1", "logout:2"]
    assert await claim_due(stores[0], now + 14, now + 30, 10) == []
    again = await claim_due(stores[0], now + 15, now + 30, 10)
    assert [(one.id, one.tries) for one in again] == [("logout:0", 2), ("logout:1", 2), ("logout:2", 2)]


async def test_a_delivery_is_sent_retried_or_given_up_and_reported_once(sql: SqlStores, clock: FakeClock) -> None:
    await three(sql, clock)
    now = clock.now()
    assert await sql.deliveries.waiting(now) == [DeliveryBacklog(DeliveryKind.LOGOUT, 3, 3.0)]
    await claim_due(sql, now, now + 15, 10)
    lane = sql.deliveries.lane(DeliveryKind.LOGOUT, SERVICE)
    await lane.mark_sent("logout:0", now)
    await lane.give_up("logout:1")
    await lane.postpone("logout:2", now + 50)
    assert [one.count for one in await sql.deliveries.waiting(now)] == [1]
    assert await claim_due(sql, now + 49, now + 60, 10) == []
    assert [one.id for one in await claim_due(sql, now + 50, now + 60, 10)] == ["logout:2"]
    # the same record written again creates no second delivery
    await sql.authorizations.record(answer(now, "9", "person-9"))
    await sql.sessions.end(session(now, "9").digest, event(now), lambda _ended: [delivery(now, "0")])
    assert await claim_due(sql, now + 70, now + 80, 10) != []
    assert [one.count for one in await sql.deliveries.waiting(now)] == [1]


async def test_a_delivery_that_is_too_late_is_not_made_and_its_content_goes(sql: SqlStores, clock: FakeClock) -> None:
    await three(sql, clock)
    clock.advance(200)
    assert await claim_due(sql, clock.now(), clock.now() + 15, 10) == []
    await sql.sweep(clock.now())
    assert await sql.deliveries.waiting(0) == []
    await sql.sweep(clock.now() + 40 * 86_400)
    assert await sql.sweep(clock.now() + 40 * 86_400) == 0
