"""What every SQL store guarantees when citizens take back agreements, block services and end their sessions."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from broker.model.account import AgreementEnd, LinkResult, LinkWrite
from broker.model.assurance import Level
from broker.model.outbound_delivery import OutboundDelivery
from broker.model.session import EndedSession, no_fan_out
from broker.model.store_results import RedeemResult
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import OpenSqlStores
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


def ending(now: float, *, block: bool = False, account: str = ACCOUNT, client_id: str = SERVICE) -> AgreementEnd:
    """The end of the agreement with a service."""

    def logout(ended: EndedSession) -> Sequence[OutboundDelivery]:
        content = {"sid": ended.id, "sub": ended.services[client_id]}
        return [delivery(now, f"left:{ended.id}", client_id=client_id, content=content)]

    happened = replace(event(now, "agreement_withdrawn"), account=account, client_id=client_id)
    return AgreementEnd(account, client_id, happened, logout, (delivery(now, "told", client_id=client_id),), block)


async def known(sql: SqlStores) -> tuple[tuple[str, ...] | None, bool]:
    """What the citizen agreed to for the service, and whether it is blocked."""
    found = await sql.authorizations.linked_identity(ISSUER, "ann", SECTOR, SERVICE)
    assert found is not None
    return found.shared, found.refused


async def with_grants(sql: SqlStores, now: float) -> None:
    """A citizen with a session, grants at two services, and a code that was not redeemed."""
    begun = session(now)
    for name, client in (("1", SERVICE), ("2", SERVICE), ("tax", "tax")):
        made = code(now, name, client_id=client, release=release(subject=f"pairwise-{name}", session=begun.id))
        sector = SECTOR if client == SERVICE else "tax.example"
        await sql.authorizations.record(answer(now, name, session=begun, code=made, sector=sector))
        if name != "2":
            offline = grant(made, now, name, account=ACCOUNT, scope=("openid", "offline_access"))
            assert await sql.grants.redeem(made.digest, offline, tokens(now, name), None, ()) is RedeemResult.DONE


async def test_an_agreement_that_is_taken_back_ends_codes_tokens_and_grants_of_that_service_alone(
    sql: SqlStores, clock: FakeClock
) -> None:
    now = clock.now()
    await with_grants(sql, now)
    assert await known(sql) == (("name",), False)
    assert await sql.agreements.end(ending(now))
    assert await known(sql) == (None, False)
    assert [await sql.grants.token(one.digest) for one in tokens(now, "1")] == [None, None]
    assert await sql.grants.token(tokens(now, "tax")[1].digest) is not None
    late = grant(code(now, "2"), now, "2", account=ACCOUNT)
    assert await sql.grants.redeem(code(now, "2").digest, late, [], None, ()) is RedeemResult.USED_BEFORE
    due = {(one.client_id, one.id) for one in await claim_due(sql, now, now + 1)}
    assert due == {(SERVICE, "logout:told"), (SERVICE, "logout:left:sid-1")}
    ended = await sql.sessions.end(session(now).digest, event(now), no_fan_out)
    assert ended is not None
    assert set(ended.services) == {"tax"}
    assert not await sql.agreements.end(ending(now))
    rows = [one.kind for _, one in await sql.audit.read(0, 100)]
    assert rows.count("agreement_withdrawn") == 1


async def test_a_new_agreement_counts_again_under_the_same_subject(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await with_grants(sql, now)
    await sql.agreements.end(ending(now))
    [told] = [one for one in await sql.agreements.of_account(ACCOUNT, now) if one.client_id == SERVICE]
    assert (told.stands, told.until, told.last) == (False, None, now)
    clock.advance(60)
    again = answer(clock.now(), "again", shared=("birthdate",))
    written = await sql.authorizations.record(again)
    assert written is not None
    assert (written.account, written.subject) == (ACCOUNT, "pairwise-1")
    assert await known(sql) == (("birthdate",), False)
    [told] = [one for one in await sql.agreements.of_account(ACCOUNT, clock.now()) if one.client_id == SERVICE]
    assert {one.claim for one in told.claims if one.withdrawn is None} == {"birthdate", "sub"}
    assert told.stands


async def test_agreements_are_listed_with_level_and_until_when_the_service_may_read(
    sql: SqlStores, clock: FakeClock
) -> None:
    now = clock.now()
    await with_grants(sql, now)
    found = {one.client_id: one for one in await sql.agreements.of_account(ACCOUNT, now)}
    assert set(found) == {SERVICE, "tax"}
    assert found[SERVICE].level is Level.LOW
    assert found[SERVICE].until == now + 86_400
    assert (found[SERVICE].first, found[SERVICE].last) == (now, now)
    clock.advance(86_401)
    assert {one.until for one in await sql.agreements.of_account(ACCOUNT, clock.now())} == {None}
    assert await sql.agreements.of_account("account-of-nobody", now) == []


async def test_a_blocked_service_gets_no_token_also_for_a_code_that_was_written_meanwhile(
    sql: SqlStores, clock: FakeClock
) -> None:
    now = clock.now()
    await with_grants(sql, now)
    assert await sql.agreements.end(ending(now, block=True))
    assert await known(sql) == (None, True)
    late = code(now, "late")
    await sql.authorizations.record(answer(now, "late", code=late))
    made = grant(late, now, "late", account=ACCOUNT)
    assert await sql.grants.redeem(late.digest, made, tokens(now, "late"), None, ()) is RedeemResult.USED_BEFORE
    assert await sql.grants.token(tokens(now, "late")[0].digest) is None
    assert not await sql.agreements.unblock("account-of-another", SERVICE, event(now))
    assert await sql.agreements.unblock(ACCOUNT, SERVICE, event(now))
    assert not await sql.agreements.unblock(ACCOUNT, SERVICE, event(now))
    assert not (await known(sql))[1]


async def test_nothing_of_another_account_or_an_unknown_service_is_ended(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await with_grants(sql, now)
    for write in (ending(now, account="account-2", block=True), ending(now, client_id="unknown", block=True)):
        assert not await sql.agreements.end(write)
    assert await known(sql) == (("name",), False)
    assert await sql.grants.token(tokens(now, "1")[0].digest) is not None
    assert {one.blocked for one in await sql.agreements.of_account(ACCOUNT, now)} == {None}


async def test_a_block_and_a_sign_in_at_once_leave_the_service_without_a_token(
    open_one: OpenSqlStores, clock: FakeClock
) -> None:
    stores = [await open_one() for _ in range(2)]
    now = clock.now()
    for number in range(6):
        person, account = f"person-{number}", f"account-{number}"
        await stores[0].authorizations.record(answer(now, f"{number}", person, session=session(now, f"{number}")))
        made = code(now, f"late-{number}")
        late = answer(now, f"late-{number}", person, code=made, session=None)

        async def signs_in(one: SqlStores = stores[0], late=late, made=made, account=account) -> None:  # type: ignore[no-untyped-def]
            await one.authorizations.record(late)
            mine = grant(made, now, made.digest[:8], account=account)
            await one.grants.redeem(made.digest, mine, tokens(now, made.digest[:8]), None, ())

        blocking = stores[1].agreements.end(ending(now, block=True, account=account))
        assert (await asyncio.gather(signs_in(), blocking))[1]
        assert await stores[1].grants.token(tokens(now, made.digest[:8])[0].digest) is None


async def test_a_merge_keeps_the_blocks_of_both_accounts(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await with_grants(sql, now)
    other = answer(now, "bob", "bob", code=code(now, "bob", client_id="post"), sector="post.example", session=None)
    await sql.authorizations.record(other)
    await sql.agreements.end(ending(now, block=True))
    await sql.agreements.end(ending(now, block=True, account="account-bob", client_id="post"))
    linked = replace(event(now, "identity_linked"), account=ACCOUNT)
    write = LinkWrite(ACCOUNT, session(now), identity("bob"), linked, event(now), no_fan_out)
    assert await sql.identity_links.link(write) is LinkResult.MERGED
    found = await sql.agreements.of_account(ACCOUNT, now)
    assert {one.client_id for one in found if one.blocked is not None} == {SERVICE, "post"}


async def test_sessions_are_listed_and_ended_for_their_own_account_alone(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    mine = replace(session(now, "1"), browser="firefox/linux")
    other = replace(session(now, "2"), id="sid-2", used=now + 1)
    theirs = session(now, "bob")
    await sql.authorizations.record(answer(now, "1", session=mine))
    await sql.authorizations.record(answer(now, "2", session=other, code=code(now, "2", client_id="tax")))
    await sql.authorizations.record(answer(now, "bob", "bob", session=theirs))
    assert await sql.sessions.load(mine.digest) == mine
    listed = await sql.own_sessions.of_account(ACCOUNT)
    assert [(one.digest, one.browser, one.provider, one.services) for one in listed] == [
        (other.digest, "", "bank", ("tax",)),
        (mine.digest, "firefox/linux", "bank", (SERVICE,)),
    ]
    ends = [other.digest, theirs.digest, "unknown"]
    assert await sql.own_sessions.end(ACCOUNT, ends, event(now, "session_ended"), no_fan_out) == 1
    assert await sql.sessions.load(other.digest) is None
    assert await sql.sessions.load(theirs.digest) is not None
    assert [one.digest for one in await sql.own_sessions.of_account(ACCOUNT)] == [mine.digest]
    assert await sql.own_sessions.end(ACCOUNT, ends, event(now, "session_ended"), no_fan_out) == 0
