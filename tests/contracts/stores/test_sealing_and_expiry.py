"""Encryption and expiry at rest: personal data is sealed in its row, and nothing that expired becomes valid again."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from broker.assisted.case import Case
from broker.assisted.case_work import CaseWork
from broker.crypto.seal import Sealer
from broker.crypto.seal import sealer as make_sealer
from broker.journey.transaction import Transaction
from broker.model.identity import Identity
from broker.model.session import no_fan_out
from broker.platform.system import System
from broker.stores.record_codec import DecodeError, RecordCodec, SealedCodec
from broker.stores.sql.digests import DigestKeyLost, Purpose, key_place
from broker.stores.sql_stores import SqlStores, open_sql_stores
from tests.contracts.stores.samples import (
    answer,
    case,
    code,
    event,
    grant,
    identity,
    notice,
    session,
    staff_attempt,
    tokens,
    transaction,
)
from tests.support.system import FakeClock

# --- sealed ---


async def everything(sql: SqlStores, now: float) -> None:
    """One record of each kind that holds personal data."""
    waiting, redeemed = code(now, "waiting"), code(now, "redeemed")
    await sql.authorizations.record(answer(now, "waiting", code=waiting))
    await sql.authorizations.record(answer(now, "redeemed", code=redeemed))
    made = grant(redeemed, now, account="account-waiting")
    await sql.grants.redeem(redeemed.digest, made, tokens(now), None, ())
    await sql.cases.create(case(now), (), CaseWork((notice(now),)))
    await sql.staff_sessions.store_attempt(staff_attempt(now))


async def test_nothing_personal_can_be_read_in_the_database(
    some_sql: SqlStores, sqlite_url: str, clock: FakeClock
) -> None:
    await everything(some_sql, clock.now())
    path = Path(sqlite_url.removeprefix("sqlite:"))
    content = b"".join(file.read_bytes() for file in path.parent.glob("facts.db*"))
    for personal in (b"Ann Example", b"1970-01-01", b"ann@example.org", b"river", b"123456", b'nonce":"n"'):
        assert personal not in content


@pytest.mark.parametrize(
    ("table", "known"),
    [
        ("authorization_codes", lambda sql: sql.grants.code(code(0, "waiting").digest)),
        ("grants", lambda sql: sql.grants.token(tokens(0)[0].digest)),
        ("sessions", lambda sql: sql.sessions.load(session(0, "waiting").digest)),
        ("cases", lambda sql: sql.cases.load("case-1")),
        ("staff_attempts", lambda sql: sql.staff_sessions.attempt(staff_attempt(0).digest)),
    ],
)
@pytest.mark.parametrize("moved", [True, False])
async def test_what_is_sealed_opens_in_its_own_row_and_with_its_own_key_alone(
    some_sql: SqlStores,
    sqlite_url: str,
    system: System,
    clock: FakeClock,
    table: str,
    known: Callable[[SqlStores], Any],
    *,
    moved: bool,
) -> None:
    await everything(some_sql, clock.now())
    assert await known(some_sql) is not None
    if moved:
        file = sqlite3.connect(sqlite_url.removeprefix("sqlite:"))
        (sealed,) = file.execute("SELECT sealed FROM notifications").fetchone()
        file.execute(f"UPDATE {table} SET sealed = ?", (sealed,))
        file.commit()
        file.close()
        assert await known(some_sql) is None
        return
    other = make_sealer(b"\x08" * 32, (), system.random_bytes)
    with pytest.raises(DigestKeyLost, match="not in the ring"):
        await open_sql_stores(sqlite_url, other, system)
    file = sqlite3.connect(sqlite_url.removeprefix("sqlite:"))
    for purpose in Purpose:  # as if the digests were the only thing that it may make
        file.execute(
            "UPDATE digest_keys SET sealed = ? WHERE purpose = ?", (other.seal(b"k" * 32, key_place(purpose)), purpose)
        )
    file.commit()
    file.close()
    stranger = await open_sql_stores(sqlite_url, other, system)
    assert await known(stranger) is None
    await stranger.close()


async def test_an_earlier_sealing_key_still_opens_what_it_sealed(
    some_sql: SqlStores, sqlite_url: str, system: System, clock: FakeClock
) -> None:
    await everything(some_sql, clock.now())
    later = await open_sql_stores(sqlite_url, make_sealer(b"\x08" * 32, (b"\x07" * 32,), system.random_bytes), system)
    assert await later.cases.load("case-1") == case(clock.now())
    await later.close()


async def test_erasure_leaves_nothing_sealed(some_sql: SqlStores, sqlite_url: str, clock: FakeClock) -> None:
    await everything(some_sql, clock.now())
    await some_sql.grants.revoke(tokens(clock.now())[1].digest, "passports", clock.now(), event(clock.now()))
    await some_sql.sessions.end(session(clock.now(), "waiting").digest, event(clock.now()), no_fan_out)
    clock.advance(6 * 86_400)
    await some_sql.sweep(clock.now())
    file = sqlite3.connect(sqlite_url.removeprefix("sqlite:"))
    for table in ("authorization_codes", "grants", "sessions", "notifications"):
        rows = file.execute(f"SELECT sealed FROM {table}").fetchall()
        assert rows, table
        assert all(sealed is None for (sealed,) in rows), table
    file.close()


async def test_sweeping_ends_and_leaves_who_people_are(some_sql: SqlStores, sqlite_url: str, clock: FakeClock) -> None:
    await everything(some_sql, clock.now())
    clock.advance(400 * 86_400)
    for _ in range(10):
        await some_sql.sweep(clock.now())
    assert await some_sql.sweep(clock.now()) == 0
    file = sqlite3.connect(sqlite_url.removeprefix("sqlite:"))
    left = {
        table: file.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in (
            "authorization_codes",
            "grants",
            "tokens",
            "sessions",
            "notifications",
            "accounts",
            "pairwise_subjects",
            "consents",
            "cases",
        )
    }
    file.close()
    assert left == {
        "authorization_codes": 0,
        "grants": 0,
        "tokens": 0,
        "sessions": 0,
        "notifications": 0,
        "accounts": 1,
        "pairwise_subjects": 1,
        "consents": 2,
        "cases": 1,
    }


# --- forms ---


@dataclass(frozen=True, slots=True)
class Old:
    """A record as it was."""

    name: str


@dataclass(frozen=True, slots=True)
class New:
    """The same with one more field."""

    name: str
    more: int = 7


def test_a_stored_record_carries_its_version() -> None:
    assert RecordCodec(Old).write(Old("a")) == b'{"v":1,"r":{"name":"a"}}'


def test_a_field_with_a_default_may_come_and_go() -> None:
    assert RecordCodec(New).read(RecordCodec(Old).write(Old("a"))) == New("a", 7)
    assert RecordCodec(Old).read(RecordCodec(New).write(New("a", 9))) == Old("a")


@pytest.mark.parametrize(
    "data", [b"", b"null", b'{"v":2,"r":{"name":"a"}}', b'{"v":1,"r":{"name":7}}', b'{"v":1,"r":{"name":"a"}']
)
def test_a_record_of_another_version_or_a_damaged_one_is_rejected(data: bytes) -> None:
    with pytest.raises(DecodeError):
        RecordCodec(Old).read(data)


def test_every_record_that_is_kept_comes_back_as_it_was() -> None:
    for kind, record in (
        (Transaction, transaction(1.8e9)),
        (Case, case(1.8e9)),
        (Identity, identity(claims={"address": {"lines": ["a", "b"]}, "age": 7, "none": None})),
    ):
        form: RecordCodec[Any] = RecordCodec(kind)
        assert form.read(form.write(record)) == record


def test_what_cannot_be_opened_is_unknown_and_logged_without_its_content(
    sealer: Sealer, caplog: pytest.LogCaptureFixture
) -> None:
    sealed = SealedCodec(sealer, RecordCodec(Old))
    value = sealed.write(Old("Ann Example"), "people:1")
    assert sealed.read(value, "people:1") == Old("Ann Example")
    assert sealed.read(value, "people:2") is None
    assert sealed.read(value[:-1], "people:1") is None
    assert {vars(record)["kind"] for record in caplog.records} == {"people"}
    assert "Ann" not in caplog.text


# --- marks ---


async def test_processes_read_the_shared_reload_counter(sql: SqlStores, clock: FakeClock) -> None:
    assert await sql.counters.reloads() == 0
    assert [await sql.counters.ask_reload("olu", clock.now()) for _ in range(3)] == [1, 2, 3]
    assert await sql.counters.reloads() == 3
    assert [event.actor for _, event in await sql.audit.read(0, 10) if event.kind == "reload_asked"] == ["olu"] * 3


async def test_the_schema_of_open_facts_is_current(sql: SqlStores) -> None:
    assert await sql.schema_is_current()
