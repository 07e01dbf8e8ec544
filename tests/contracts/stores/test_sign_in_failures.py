"""What every SQL store guarantees about failed sign-ins, in SQLite or in PostgreSQL."""

from dataclasses import replace

import pytest

from broker.model.audit import AuditEvent
from broker.model.sign_in_failure import KEPT, SignInFailure
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.database_dumps import query
from tests.support.system import FakeClock

pytestmark = pytest.mark.store


def failed(now: float) -> SignInFailure:
    """A provider that took too long."""
    return SignInFailure("BDHK-NPRT", now, "provider_slow", "timeout", "bank", "passports", "request-1")


def event(now: float) -> AuditEvent:
    """The audit row of the failure."""
    return AuditEvent("attempt_failed", now, "citizen", client_id="passports", provider="bank", details={})


async def test_failures_are_found_by_reference_in_any_notation_newest_first(sql: SqlStores, clock: FakeClock) -> None:
    first = failed(clock.now())
    second = replace(first, at=first.at + 5, failure="cancelled", reason="")
    for one in (first, second, replace(first, reference="ZZZZ-ZZZZ")):
        await sql.sign_in_failures.record(one, [event(one.at)])
    for written in ("BDHK-NPRT", "bdhk nprt", "BDHKNPRT"):
        found = await sql.sign_in_failures.by_reference(written, clock.now())
        assert [replace(one, reference="BDHK-NPRT") for one in found] == [second, first]
    assert await sql.sign_in_failures.by_reference("BDHK", clock.now()) == []


async def test_a_failure_is_written_with_its_audit_row(sql: SqlStores, clock: FakeClock) -> None:
    await sql.sign_in_failures.record(failed(clock.now()), [event(clock.now())])
    [(_, written)] = [one for one in await sql.audit.read(0, 100) if one[1].kind == "attempt_failed"]
    assert written == event(clock.now())


async def test_a_failure_is_found_for_its_period_and_then_deleted(
    sql: SqlStores, clock: FakeClock, sql_url: str
) -> None:
    made = failed(clock.now())
    await sql.sign_in_failures.record(made, [event(made.at)])
    assert len(await sql.sign_in_failures.by_reference("BDHK-NPRT", made.at + KEPT - 1)) == 1
    assert await sql.sign_in_failures.by_reference("BDHK-NPRT", made.at + KEPT) == []
    await sql.sweep(made.at + KEPT - 1)
    assert await query(sql_url, "SELECT count(*) FROM sign_in_failures") == [(1,)]
    await sql.sweep(made.at + KEPT)
    assert await query(sql_url, "SELECT count(*) FROM sign_in_failures") == [(0,)]
