"""Audit rows and their chain: one row with every fact, none without, and no way to change them unseen."""

import asyncio
import re
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg
import pytest

from broker.crypto.jose import KeySet, load_signing_key, new_signing_key_pem, parse_keys, public_jwk, sign
from broker.model.audit import AuditEvent
from broker.model.grant import StoredToken
from broker.model.kill_switches import KillSwitchKind
from broker.model.session import no_fan_out
from broker.stores.sql.audit_chain import FIRST_CHECKPOINT_WITHIN, ChainFault, CheckpointSigner
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import OpenSqlStores
from tests.contracts.stores.samples import (
    SERVICE,
    answer,
    assertion,
    case,
    code,
    event,
    grant,
    session,
    staff_session,
    tokens,
)
from tests.support.system import FakeClock

pytestmark = pytest.mark.store

Tamper = Callable[[str], Awaitable[None]]


async def audit_kinds(sql: SqlStores) -> list[str]:
    """The kinds of all audit rows, in the order of writing."""
    return [event.kind for _, event in await sql.audit.read(after=0, limit=1000)]


@pytest.fixture
def tamper(sql_url: str) -> Tamper:
    """Runs SQL behind the stores' back."""

    async def run(statement: str) -> None:
        if sql_url.startswith("sqlite:"):
            with sqlite3.connect(sql_url.removeprefix("sqlite:")) as file:
                file.execute(statement)
            file.close()
            return
        connection = await asyncpg.connect(sql_url)
        await connection.execute(statement)
        await connection.close()

    return run


@dataclass(frozen=True, slots=True)
class CheckpointSetup:
    """A notary, and what verifies their signature."""

    notary: CheckpointSigner
    keys: KeySet


@pytest.fixture
def checkpoint_setup(tmp_path: Path) -> CheckpointSetup:
    """A checkpoint signer with a new key."""
    key = load_signing_key(new_signing_key_pem("EdDSA"), "EdDSA")
    return CheckpointSetup(
        CheckpointSigner(key, tmp_path / "checkpoints"), parse_keys({"keys": [dict(public_jwk(key))]})
    )


async def flaws(sql: SqlStores, checkpoint_setup: CheckpointSetup, later: float = 0.0) -> list[tuple[ChainFault, int]]:
    """What is wrong with the chain, so many seconds from now."""
    problems = await sql.audit_chain.verify(
        checkpoint_setup.notary.file, checkpoint_setup.keys, sql.system.now() + later
    )
    assert all(str(problem) for problem in problems)
    return [(problem.flaw, problem.number) for problem in problems]


async def chained(sql: SqlStores, clock: FakeClock, checkpoint_setup: CheckpointSetup, rows: int = 6) -> None:
    """So many rows, sealed and vouched for."""
    await sql.audit.write([event(clock.now(), f"kind-{number}") for number in range(rows)])
    assert await sql.audit_chain.seal_once() == rows
    assert await sql.audit_chain.checkpoint(clock.now(), checkpoint_setup.notary) is not None


# --- one row with every fact, none without ---


async def test_an_event_comes_back_as_it_was_written(sql: SqlStores, clock: FakeClock) -> None:
    events = [
        AuditEvent("k", clock.now() + 0.123456, "a", "t", "c", "s", "p", "acc", "g", {"b": "2", "a": "ü\n\"'"}),
        AuditEvent("bare", clock.now(), "broker"),
    ]
    await sql.audit.write(events)
    await sql.audit.write([])
    rows = await sql.audit.read(after=0, limit=10)
    assert [event for _, event in rows] == events
    assert await sql.audit.read(after=rows[0][0], limit=10) == rows[1:]


async def test_each_write_adds_its_audit_row(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    made, begun, staff = code(now), session(now), staff_session(now)
    access = StoredToken("another", "access", now, now + 300)
    await sql.authorizations.record(answer(now, code=made, session=begun, events=(event(now, "answered"),)))
    await sql.grants.redeem(made.digest, grant(made, now), tokens(now), None, (event(now, "redeemed"),))
    await sql.grants.refresh("grant-1", access, None, (event(now, "refreshed"),))
    await sql.grants.revoke(access.digest, SERVICE, now, event(now, "token_revoked"))
    await sql.grants.revoke_code(made.digest, now, event(now, "code_replayed"))
    await sql.sessions.end(begun.digest, event(now, "session_ended"), no_fan_out)
    await sql.kill_switches.turn_off(KillSwitchKind.SERVICE, "tax", "closed", "operator", now)
    await sql.counters.raise_epoch("operator", now)
    await sql.staff_sessions.start(staff, None, (event(now, "staff_signed_in"),))
    await sql.staff_sessions.end(staff.digest, event(now, "staff_signed_out"))
    await sql.cases.create(case(now), [event(now, "case_opened")])
    await sql.cases.save(case(now, version=2), [event(now, "case_moved"), event(now, "case_read")])
    assert await audit_kinds(sql) == [
        "answered",
        "redeemed",
        "refreshed",
        "token_revoked",
        "code_replayed",
        "session_ended",
        "service_disabled",
        "epoch_raised",
        "staff_signed_in",
        "staff_signed_out",
        "case_opened",
        "case_moved",
        "case_read",
    ]


async def test_a_write_without_effect_adds_no_audit_row(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    made = code(now)
    await sql.grants.redeem("unknown", grant(made, now), tokens(now), None, (event(now),))
    await sql.grants.refresh("unknown", tokens(now)[0], None, (event(now),))
    await sql.grants.revoke("unknown", SERVICE, now, event(now))
    await sql.grants.revoke_code("unknown", now, event(now))
    await sql.sessions.end("unknown", event(now), no_fan_out)
    await sql.staff_sessions.end("unknown", event(now))
    await sql.kill_switches.turn_on(KillSwitchKind.SERVICE, "tax", "operator", now)
    await sql.cases.save(case(now, version=2), [event(now)])
    await sql.grants.use_assertion(assertion(now))
    assert await audit_kinds(sql) == []


async def test_the_rows_of_an_answer_name_the_account_that_holds(sql: SqlStores, clock: FakeClock) -> None:
    await sql.authorizations.record(answer(clock.now(), "1"))
    await sql.authorizations.record(answer(clock.now(), "2", events=(event(clock.now(), account="account-2"),)))
    rows = await sql.audit.read(after=0, limit=10)
    assert [event.account for _, event in rows] == ["account-1", "account-1"]


# --- the chain ---


async def test_an_intact_audit_chain_verifies(
    sql: SqlStores, clock: FakeClock, checkpoint_setup: CheckpointSetup
) -> None:
    await chained(sql, clock, checkpoint_setup)
    await chained(sql, clock, checkpoint_setup, rows=3)
    assert await flaws(sql, checkpoint_setup) == []


async def test_no_checkpoint_is_made_without_new_rows(
    sql: SqlStores, clock: FakeClock, checkpoint_setup: CheckpointSetup
) -> None:
    assert await sql.audit_chain.checkpoint(clock.now(), checkpoint_setup.notary) is None
    await chained(sql, clock, checkpoint_setup)
    assert await sql.audit_chain.checkpoint(clock.now(), checkpoint_setup.notary) is None
    assert len(checkpoint_setup.notary.file.read_text().splitlines()) == 1


async def test_sealing_continues_in_batches(
    sql: SqlStores, clock: FakeClock, checkpoint_setup: CheckpointSetup
) -> None:
    await sql.audit.write([event(clock.now(), f"kind-{number}") for number in range(10)])
    assert [await sql.audit_chain.seal_once(4) for _ in range(4)] == [4, 4, 2, 0]
    await sql.audit_chain.checkpoint(clock.now(), checkpoint_setup.notary)
    assert await flaws(sql, checkpoint_setup) == []


async def test_many_sealers_at_once_make_one_chain(
    open_one: OpenSqlStores, clock: FakeClock, checkpoint_setup: CheckpointSetup
) -> None:
    stores = [await open_one() for _ in range(3)]
    for _ in range(5):
        writing = (store.audit.write([event(clock.now())] * 3) for store in stores)
        await asyncio.gather(*writing, *(store.audit_chain.seal_once(4) for store in stores))
    while await stores[0].audit_chain.seal_once():
        pass
    await stores[0].audit_chain.checkpoint(clock.now(), checkpoint_setup.notary)
    assert await flaws(stores[0], checkpoint_setup) == []
    (line,) = checkpoint_setup.notary.file.read_text().splitlines()
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", line)


@pytest.mark.parametrize(
    "column", ["kind", "actor", "transaction_id", "case_id", "client_id", "provider", "account_id", "grant_id"]
)
async def test_a_changed_text_is_found(
    sql: SqlStores, clock: FakeClock, checkpoint_setup: CheckpointSetup, tamper: Tamper, column: str
) -> None:
    await chained(sql, clock, checkpoint_setup)
    await tamper(f"UPDATE audit SET {column} = 'another' WHERE number = 3")
    assert await flaws(sql, checkpoint_setup) == [(ChainFault.CHANGED, 3)]


@pytest.mark.parametrize("change", ["at = at + 1", "details = '{}'", "hash = 'x'"])
async def test_any_other_change_is_found(
    sql: SqlStores, clock: FakeClock, checkpoint_setup: CheckpointSetup, tamper: Tamper, change: str
) -> None:
    await chained(sql, clock, checkpoint_setup)
    await tamper(f"UPDATE audit SET {change} WHERE number = 3")
    assert (ChainFault.CHANGED, 3) in await flaws(sql, checkpoint_setup)


async def test_a_row_that_vanished_from_the_middle_is_found(
    sql: SqlStores, clock: FakeClock, checkpoint_setup: CheckpointSetup, tamper: Tamper
) -> None:
    await chained(sql, clock, checkpoint_setup)
    await tamper("DELETE FROM audit WHERE number IN (3, 4)")
    assert await flaws(sql, checkpoint_setup) == [(ChainFault.GAP, 3)]


async def test_a_row_that_vanished_and_whose_number_was_closed_up_is_found(
    sql: SqlStores, clock: FakeClock, checkpoint_setup: CheckpointSetup, tamper: Tamper
) -> None:
    await chained(sql, clock, checkpoint_setup)
    await tamper("DELETE FROM audit WHERE number = 3")
    for number in (4, 5, 6):
        await tamper(f"UPDATE audit SET number = {number - 1} WHERE number = {number}")
    found = await flaws(sql, checkpoint_setup)
    assert (ChainFault.CHANGED, 3) in found
    assert (ChainFault.CUT, 6) in found


async def test_two_rows_that_changed_places_are_found(
    sql: SqlStores, clock: FakeClock, checkpoint_setup: CheckpointSetup, tamper: Tamper
) -> None:
    await chained(sql, clock, checkpoint_setup)
    for change in (
        "SET number = 99 WHERE number = 3",
        "SET number = 3 WHERE number = 4",
        "SET number = 4 WHERE number = 99",
    ):
        await tamper(f"UPDATE audit {change}")
    assert {(ChainFault.CHANGED, 3), (ChainFault.CHANGED, 4)} <= set(await flaws(sql, checkpoint_setup))


async def test_a_cut_tail_is_found_even_if_the_database_forgot_its_checkpoints_too(
    sql: SqlStores, clock: FakeClock, checkpoint_setup: CheckpointSetup, tamper: Tamper
) -> None:
    await chained(sql, clock, checkpoint_setup)
    await tamper("DELETE FROM audit WHERE number > 4")
    await tamper("DELETE FROM checkpoints")
    assert await flaws(sql, checkpoint_setup) == [(ChainFault.CUT, 5)]


async def test_a_tail_that_was_cut_and_grew_again_is_found(
    sql: SqlStores, clock: FakeClock, checkpoint_setup: CheckpointSetup, tamper: Tamper
) -> None:
    await chained(sql, clock, checkpoint_setup)
    await tamper("DELETE FROM audit WHERE number > 4")
    await tamper("DELETE FROM checkpoints")
    await sql.audit.write([event(clock.now(), "something_else") for _ in range(4)])
    await sql.audit_chain.seal_once()
    assert await flaws(sql, checkpoint_setup) == [(ChainFault.CHANGED, 6)]


async def test_an_emptied_audit_table_is_found(
    sql: SqlStores, clock: FakeClock, checkpoint_setup: CheckpointSetup, tamper: Tamper
) -> None:
    await chained(sql, clock, checkpoint_setup)
    await tamper("DELETE FROM audit")
    assert await flaws(sql, checkpoint_setup) == [(ChainFault.CUT, 1)]


async def test_a_chain_without_checkpoints_is_reported(
    sql: SqlStores, clock: FakeClock, checkpoint_setup: CheckpointSetup
) -> None:
    await chained(sql, clock, checkpoint_setup)
    checkpoint_setup.notary.file.unlink()
    assert await flaws(sql, checkpoint_setup) == [(ChainFault.NO_CHECKPOINT, 0)]


async def test_a_new_record_is_whole_before_its_first_checkpoint_is_due(
    sql: SqlStores, clock: FakeClock, checkpoint_setup: CheckpointSetup
) -> None:
    assert await flaws(sql, checkpoint_setup) == []
    await sql.audit.write([event(clock.now(), "first")])
    assert await flaws(sql, checkpoint_setup) == []
    assert await sql.audit_chain.seal_once() == 1
    assert await flaws(sql, checkpoint_setup) == []
    assert await flaws(sql, checkpoint_setup, later=FIRST_CHECKPOINT_WITHIN) == []
    assert await flaws(sql, checkpoint_setup, later=FIRST_CHECKPOINT_WITHIN + 1) == [(ChainFault.NO_CHECKPOINT, 0)]


async def test_rows_not_yet_sealed_are_no_fault(
    sql: SqlStores, clock: FakeClock, checkpoint_setup: CheckpointSetup
) -> None:
    await chained(sql, clock, checkpoint_setup)
    await sql.audit.write([event(clock.now(), "waits")])
    assert await sql.audit_chain.counts() == (6, 1)
    assert await flaws(sql, checkpoint_setup, later=86_400.0) == []


async def test_a_checkpoint_that_a_crash_cut_off_does_not_spoil_the_next(
    sql: SqlStores, clock: FakeClock, checkpoint_setup: CheckpointSetup
) -> None:
    await chained(sql, clock, checkpoint_setup)
    with checkpoint_setup.notary.file.open("ab") as file:
        file.write(b"eyJhbGciOiJFZERTQSJ9.eyJudW1i")
    await sql.audit.write([event(clock.now(), "after")])
    await sql.audit_chain.seal_once()
    assert await sql.audit_chain.checkpoint(clock.now(), checkpoint_setup.notary) is not None
    assert await flaws(sql, checkpoint_setup) == [(ChainFault.BAD_CHECKPOINT, 0)]


async def test_a_checkpoints_file_of_any_bytes_is_read(
    sql: SqlStores, clock: FakeClock, checkpoint_setup: CheckpointSetup
) -> None:
    await chained(sql, clock, checkpoint_setup)
    checkpoint_setup.notary.file.write_bytes(bytes(range(256)))
    assert {flaw for flaw, _ in await flaws(sql, checkpoint_setup)} == {
        ChainFault.BAD_CHECKPOINT,
        ChainFault.NO_CHECKPOINT,
    }


async def test_a_checkpoint_with_a_foreign_or_invalid_signature_is_found(
    sql: SqlStores, clock: FakeClock, checkpoint_setup: CheckpointSetup
) -> None:
    await chained(sql, clock, checkpoint_setup)
    line = checkpoint_setup.notary.file.read_text().strip()
    stranger = load_signing_key(new_signing_key_pem("EdDSA"), "EdDSA", kid=checkpoint_setup.notary.key.kid)
    forged = sign({"number": 9, "hash": "x", "at": 1.0}, stranger, typ="audit-checkpoint+jwt")
    other_kind = sign({"number": 9, "hash": "x", "at": 1.0}, checkpoint_setup.notary.key, typ="at+jwt")
    senseless = sign({"number": "many"}, checkpoint_setup.notary.key, typ="audit-checkpoint+jwt")
    contrary = sign({"number": 6, "hash": "x", "at": 1.0}, checkpoint_setup.notary.key, typ="audit-checkpoint+jwt")
    bad = (ChainFault.BAD_CHECKPOINT, 0)
    for wrong, found in (
        (forged, bad),
        (other_kind, bad),
        (senseless, bad),
        (contrary, (ChainFault.BAD_CHECKPOINT, 6)),
    ):
        checkpoint_setup.notary.file.write_text(f"{line}\n{wrong}\n")
        assert await flaws(sql, checkpoint_setup) == [found]


async def test_a_checkpoint_of_an_earlier_key_still_counts(
    sql: SqlStores, clock: FakeClock, checkpoint_setup: CheckpointSetup
) -> None:
    await chained(sql, clock, checkpoint_setup)
    key = load_signing_key(new_signing_key_pem("EdDSA"), "EdDSA")
    later = replace(checkpoint_setup.notary, key=key)
    await sql.audit.write([event(clock.now())])
    await sql.audit_chain.seal_once()
    await sql.audit_chain.checkpoint(clock.now(), later)
    both = parse_keys({"keys": [dict(public_jwk(one)) for one in (key, checkpoint_setup.notary.key)]})
    assert await sql.audit_chain.verify(later.file, both, sql.system.now()) == []


async def test_the_checkpoint_is_also_in_the_log(
    sql: SqlStores, clock: FakeClock, checkpoint_setup: CheckpointSetup, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="portico.audit"):
        await chained(sql, clock, checkpoint_setup)
    assert checkpoint_setup.notary.file.read_text().strip() in {
        getattr(record, "statement", "") for record in caplog.records
    }


async def test_a_tick_seals_what_is_new(sql: SqlStores, clock: FakeClock) -> None:
    await sql.audit.write([event(clock.now())])
    await sql.maintain()
    assert await sql.audit_chain.seal_once() == 0
