"""What every SQL store guarantees about questions to citizens on their own device."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.model.backchannel_request import BackchannelRequest, BackchannelState, PingNotification, PollResult
from broker.model.grant import AssertionUse
from broker.model.handle import sha256_hex
from broker.model.notification import Notification, NotificationKind
from broker.model.store_results import AuthorizationWritten, RedeemResult
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import OpenSqlStores
from tests.contracts.stores.samples import SECTOR, SERVICE, answer, code, grant, identity, tokens
from tests.support.system import FakeClock

pytestmark = pytest.mark.store

TOKEN = "notification-token-of-32-characters"


def question(now: float, name: str = "1", **changes: Any) -> BackchannelRequest:
    """A question to the person of the sample answers, by a service that polls."""
    put = BackchannelRequest(
        id=f"question-{name}",
        client_id=SERVICE,
        created=now,
        expires=now + 600,
        code=f"BCDF-GHJ{name}",
        minimum=Level.SUBSTANTIAL,
        scope=("openid", "profile"),
        asked=("name",),
        message="Order 17: parking",
        handle=f"ciba_{name}",
        account="account-1",
        subject="pairwise-1",
    )
    return replace(put, **changes)


def event_at(kind: str, now: float) -> AuditEvent:
    """One audit event."""
    return AuditEvent(kind, now, "citizen", client_id=SERVICE)


async def asked(sql: SqlStores, now: float, name: str = "1", **changes: Any) -> BackchannelRequest:
    """A backchannel authentication request to a known citizen."""
    await sql.authorizations.record(answer(now, "1"))
    put = question(now, name, **changes)
    assert await sql.questions.create(put, None, (), [event_at("question_put", now)]) is RedeemResult.DONE
    return put


def confirming(now: float, put: BackchannelRequest, number: str = "9", **changes: Any) -> Any:
    """The answer that confirms a question."""
    made = code(now, number, digest=sha256_hex(put.handle), redirect_uri="", pushed=None)
    return answer(now, number, code=made, session=None, question=put.id, **changes)


async def test_a_question_is_found_by_its_id_by_its_code_as_people_type_it_and_by_its_case(
    sql: SqlStores, clock: FakeClock
) -> None:
    put = await asked(sql, clock.now(), case="case-1")
    assert await sql.questions.load(put.id) == put
    assert await sql.questions.by_code(" bcdf ghj1 ") == put
    assert await sql.questions.of_case("case-1") == [put]
    assert await sql.questions.of_case("case-2") == []
    assert await sql.questions.by_code("BCDF-GHJ2") is None
    assert await sql.questions.load("question-2") is None


async def test_a_code_that_is_taken_and_a_request_that_came_before_write_nothing(
    sql: SqlStores, clock: FakeClock
) -> None:
    now, use = clock.now(), AssertionUse("/requests/passports", "jti-1", clock.now() + 60)
    put = await asked(sql, now)
    assert await sql.questions.create(question(now, "2", code=put.code), None, (), []) is RedeemResult.USED_BEFORE
    assert await sql.questions.create(question(now, "2"), use, (), []) is RedeemResult.DONE
    assert await sql.questions.create(question(now, "3"), use, (), []) is RedeemResult.ASSERTION_USED_BEFORE
    assert await sql.questions.load("question-3") is None


async def test_the_notice_of_a_question_goes_out_with_it(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    notice = Notification(
        "n-1", NotificationKind.QUESTION, "email", "ann@example.org", "en", now, now + 600, {"code": "x"}
    )
    assert await sql.questions.create(question(now, account=None), None, [notice], []) is RedeemResult.DONE
    assert await sql.notices.lane("email").claim(now, now + 60, 10) == [replace(notice, tries=1)]


async def test_a_poll_returns_the_state_to_the_requesting_service_only(sql: SqlStores, clock: FakeClock) -> None:
    put = await asked(sql, clock.now())
    mine = sha256_hex(put.handle)
    waiting = PollResult(BackchannelState.WAITING, put.expires, early=False)
    assert await sql.questions.poll(mine, SERVICE, clock.now(), None) == waiting
    assert await sql.questions.poll(mine, "another", clock.now(), None) is None
    assert await sql.questions.poll(sha256_hex("ciba_9"), SERVICE, clock.now(), None) is None


async def test_polling_too_early_adds_five_seconds_to_the_interval_each_time(sql: SqlStores, clock: FakeClock) -> None:
    put = await asked(sql, clock.now())

    async def early(after: float) -> bool:
        clock.advance(after)
        polled = await sql.questions.poll(sha256_hex(put.handle), SERVICE, clock.now(), None)
        assert isinstance(polled, PollResult)
        return polled.early

    assert [await early(after) for after in (0, 5, 4.5, 9.5, 14.9, 20, 20)] == [
        *(False, False, True, True, True, False, False)
    ]


async def test_a_poll_counts_the_use_of_its_assertion(sql: SqlStores, clock: FakeClock) -> None:
    put, use = await asked(sql, clock.now()), AssertionUse(SERVICE, "jti-1", clock.now() + 60)
    assert isinstance(await sql.questions.poll(sha256_hex(put.handle), SERVICE, clock.now(), use), PollResult)
    again = await sql.questions.poll(sha256_hex(put.handle), SERVICE, clock.now(), use)
    assert again is RedeemResult.ASSERTION_USED_BEFORE


async def test_a_confirmation_leaves_a_code_that_the_service_already_holds_and_redeems_once(
    sql: SqlStores, clock: FakeClock
) -> None:
    put = await asked(sql, clock.now())
    now, mine = clock.now(), sha256_hex(put.handle)
    assert await sql.authorizations.record(confirming(now, put)) == AuthorizationWritten("account-1", "pairwise-1")
    polled = await sql.questions.poll(mine, SERVICE, now, None)
    assert polled == PollResult(BackchannelState.CONFIRMED, put.expires, early=False)
    kept = await sql.grants.code(mine)
    assert kept is not None
    assert not kept.redeemed
    assert (kept.code.account, kept.code.release.subject) == ("account-1", "pairwise-1")
    assert await sql.grants.redeem(mine, grant(kept.code, now), tokens(now), None, []) is RedeemResult.DONE
    assert await sql.grants.redeem(mine, grant(kept.code, now, "2"), (), None, []) is RedeemResult.USED_BEFORE


async def test_of_concurrent_answers_to_a_backchannel_request_one_counts(
    open_one: OpenSqlStores, clock: FakeClock
) -> None:
    stores = [await open_one() for _ in range(3)]
    put, now = await asked(stores[0], clock.now()), clock.now()
    confirmations = (stores[n % 3].authorizations.record(confirming(now, put, f"{10 + n}")) for n in range(4))
    refusals = (
        stores[n % 3].questions.end(put.id, BackchannelState.DECLINED, now, [event_at("question_declined", now)])
        for n in range(4)
    )
    answered = await asyncio.gather(*confirmations, *refusals)
    assert sum(bool(one) for one in answered) == 1
    rows = [event.kind for _, event in await stores[0].audit.read(0, 100)]
    assert rows.count("question_declined") == sum(one is True for one in answered)


async def test_only_the_expected_account_confirms_and_only_before_expiry(sql: SqlStores, clock: FakeClock) -> None:
    put = await asked(sql, clock.now())
    assert await sql.authorizations.record(confirming(clock.now(), put, person="bob")) is None
    assert await sql.authorizations.linked_identity("https://provider.example", "bob", SECTOR, SERVICE) is None
    clock.advance(600)
    assert await sql.authorizations.record(confirming(clock.now(), put)) is None
    assert not await sql.questions.end(put.id, BackchannelState.DECLINED, clock.now(), [])
    assert await sql.grants.code(sha256_hex(put.handle)) is None


async def test_a_declined_backchannel_request_stays_declined(sql: SqlStores, clock: FakeClock) -> None:
    put, now = await asked(sql, clock.now()), clock.now()
    assert await sql.questions.end(put.id, BackchannelState.DECLINED, now, [event_at("question_declined", now)])
    assert not await sql.questions.end(put.id, BackchannelState.OTHER_PERSON, now, [])
    assert await sql.authorizations.record(confirming(now, put)) is None
    found = await sql.questions.load(put.id)
    assert found is not None
    assert found.state is BackchannelState.DECLINED


async def test_a_sub_leads_to_its_account_and_a_live_session_to_the_person(sql: SqlStores, clock: FakeClock) -> None:
    assert await sql.questions.account(SECTOR, "pairwise-1") is None
    await sql.authorizations.record(answer(clock.now(), "1"))
    assert await sql.questions.account(SECTOR, "pairwise-1") == "account-1"
    assert await sql.questions.account("tax.example", "pairwise-1") is None
    assert await sql.questions.identity_of("account-1", clock.now()) == identity()
    clock.advance(10 * 86_400)
    assert await sql.questions.identity_of("account-1", clock.now()) is None


async def test_a_ping_is_due_once_answered_and_again_until_it_is_done(sql: SqlStores, clock: FakeClock) -> None:
    put, now = await asked(sql, clock.now(), token=TOKEN), clock.now()
    assert await sql.pings.claim(now, now + 10, 10) == []
    await sql.authorizations.record(confirming(now, put))
    ping = PingNotification(put.id, SERVICE, put.handle, TOKEN)
    assert await sql.pings.claim(now, now + 10, 10) == [replace(ping, tries=1)]
    assert await sql.pings.claim(now + 9, now + 19, 10) == []
    assert await sql.pings.claim(now + 10, now + 30, 10) == [replace(ping, tries=2)]
    await sql.pings.postpone(put.id, now + 50)
    assert await sql.pings.claim(now + 49, now + 60, 10) == []
    assert await sql.pings.claim(now + 50, now + 60, 10) == [replace(ping, tries=3)]
    await sql.pings.mark_sent(put.id, now + 51)
    await sql.pings.postpone(put.id, now + 55)  # of a process whose claim ran out: it does not bring the ping back
    assert await sql.pings.claim(now + 60, now + 90, 10) == []


async def test_pings_go_to_ping_mode_only_and_also_after_a_decline(sql: SqlStores, clock: FakeClock) -> None:
    polls, pinged, now = await asked(sql, clock.now()), question(clock.now(), "2", token=TOKEN), clock.now()
    await sql.questions.create(pinged, None, (), [])
    for put in (polls, pinged):
        assert await sql.questions.end(put.id, BackchannelState.DECLINED, now, [event_at("question_declined", now)])
    assert [ping.id for ping in await sql.pings.claim(now, now + 10, 10)] == [pinged.id]


async def test_a_new_epoch_ends_backchannel_requests(sql: SqlStores, clock: FakeClock) -> None:
    put = await asked(sql, clock.now())
    await sql.counters.raise_epoch("operator", clock.now())
    assert await sql.questions.load(put.id) is None
    assert await sql.questions.by_code(put.code) is None
    assert await sql.questions.poll(sha256_hex(put.handle), SERVICE, clock.now(), None) is None
    assert await sql.authorizations.record(confirming(clock.now(), put)) is None


async def test_the_content_of_a_backchannel_request_is_erased_after_expiry(sql: SqlStores, clock: FakeClock) -> None:
    put = await asked(sql, clock.now())
    clock.advance(601)
    while await sql.sweep(clock.now()):
        pass
    assert await sql.questions.load(put.id) is None
    polled = await sql.questions.poll(sha256_hex(put.handle), SERVICE, clock.now(), None)
    assert polled == PollResult(BackchannelState.WAITING, put.expires, early=False)
