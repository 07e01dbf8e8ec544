"""What every SQL store guarantees for the data of an account: read for its citizen, and erased when they leave."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace

import asyncpg
import pytest

from broker.model.account import AccountErasure, HeldRelease
from broker.model.outbound_delivery import OutboundDelivery
from broker.model.session import no_fan_out
from broker.model.store_results import RedeemResult
from broker.stores.sql.tables import metadata
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
    release,
    session,
    tokens,
)
from tests.contracts.stores.test_account_stops import ACCOUNT, open_account
from tests.support.system import FakeClock

pytestmark = pytest.mark.store


def erasure(now: float, told: list[Mapping[str, str]]) -> AccountErasure:
    """The account is left. `told` receives the subjects for which messages were made."""

    def purged(subjects: Mapping[str, str]) -> Sequence[OutboundDelivery]:
        told.append(subjects)
        return [delivery(now, "purged")]

    erased = replace(event(now, "account_erased"), account=ACCOUNT)
    return AccountErasure(ACCOUNT, erased, event(now, "session_ended"), no_fan_out, purged)


async def of_account(url: str, account: str) -> Mapping[str, int]:
    """The number of rows of an account in each table that names accounts."""
    found, kind = {}, url.partition(":")[0]
    for table in metadata.sorted_tables:
        if "account_id" not in table.columns:
            continue
        question = f"SELECT count(*) FROM {table.name} WHERE account_id = '{account}'"
        if kind == "sqlite":
            with closing(sqlite3.connect(url.partition(":")[2])) as connection:
                found[table.name] = connection.execute(question).fetchone()[0]
        else:
            server = await asyncpg.connect(url)
            found[table.name] = await server.fetchval(question)
            await server.close()
    return {name: number for name, number in found.items() if number}


async def test_what_is_held_is_read_with_subjects_and_what_services_can_still_read(
    sql: SqlStores, clock: FakeClock
) -> None:
    now = clock.now()
    await open_account(sql, now)
    record = await sql.account_data.read(ACCOUNT, now + 1)
    assert record is not None
    known = await sql.authorizations.linked_identity(ISSUER, "ann", SECTOR, SERVICE)
    assert known is not None
    assert record.subjects == {SECTOR: known.subject}
    [held] = record.releases
    assert held == HeldRelease(SERVICE, release().claims, held.since, held.until)
    assert held.since <= now < held.until
    later = await sql.account_data.read(ACCOUNT, held.until)
    assert later is not None
    assert later.releases == ()
    assert await sql.account_data.read("account-of-nobody", now) is None


async def test_a_citizen_who_leaves_is_nowhere_and_another_stays(
    sql: SqlStores, clock: FakeClock, sql_url: str
) -> None:
    now, told = clock.now(), list[Mapping[str, str]]()
    await open_account(sql, now)
    bob = await of_account(sql_url, "account-bob")
    record = await sql.account_data.read(ACCOUNT, now)
    assert record is not None
    assert await sql.account_data.erase(erasure(now + 1, told))
    assert told == [record.subjects]
    left = await of_account(sql_url, ACCOUNT)
    assert set(left) == {"audit", "authorization_codes"}
    assert await of_account(sql_url, "account-bob") == bob
    assert await sql.sessions.load(session(now).digest) is None
    assert [await sql.grants.token(one.digest) for one in tokens(now, "1")] == [None, None]
    late = grant(code(now, "2"), now, "2", account=ACCOUNT)
    assert await sql.grants.redeem(code(now, "2").digest, late, [], None, ()) is RedeemResult.USED_BEFORE
    assert await sql.authorizations.linked_identity(ISSUER, "ann", SECTOR, SERVICE) is None
    assert [one.id for one in await claim_due(sql, now + 1, now + 2)] == ["logout:purged"]
    kinds = [one.kind for _, one in await sql.audit.read(0, 100)]
    assert (kinds.count("account_erased"), kinds.count("session_ended")) == (1, 1)
    assert not await sql.account_data.erase(erasure(now + 2, told))


async def test_whoever_comes_back_is_a_new_person_for_every_service(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await open_account(sql, now)
    before = await sql.authorizations.linked_identity(ISSUER, "ann", SECTOR, SERVICE)
    assert await sql.account_data.erase(erasure(now + 1, []))
    again = replace(answer(now + 2, "3", session=None), account="account-new", subject="another-subject")
    written = await sql.authorizations.record(again)
    assert written is not None
    after = await sql.authorizations.linked_identity(ISSUER, "ann", SECTOR, SERVICE)
    assert before is not None
    assert after is not None
    assert after.account != before.account
    assert after.subject != before.subject
    # a transaction that was answered before is not answered again
    assert await sql.authorizations.code_issued(code(now, "1").transaction, None)


async def test_an_erasure_that_fails_halfway_changes_nothing(sql: SqlStores, clock: FakeClock, sql_url: str) -> None:
    now = clock.now()
    await open_account(sql, now)
    before = await of_account(sql_url, ACCOUNT)

    def unlucky(_subjects: Mapping[str, str]) -> Sequence[OutboundDelivery]:
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        await sql.account_data.erase(replace(erasure(now + 1, []), purged=unlucky))
    assert await of_account(sql_url, ACCOUNT) == before
    assert await sql.sessions.load(session(now).digest) is not None
    assert await sql.grants.token(tokens(now, "1")[0].digest) is not None
