"""What every SQL store reads of the audit record for a citizen."""

from dataclasses import replace

import pytest

from broker.model.account import LinkWrite
from broker.model.session import no_fan_out
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.samples import answer, code, event, identity, session
from tests.support.system import FakeClock

pytestmark = pytest.mark.store

ACCOUNT = "account-1"


async def kinds(sql: SqlStores, account: str, since: float = 0.0) -> list[str]:
    """The kinds of the rows of an account, the latest first."""
    return [one.kind for one in await sql.own_activity.of_account(account, since)]


async def test_the_rows_of_an_account_are_read_with_failed_attempts_and_the_work_on_its_cases(
    sql: SqlStores, clock: FakeClock
) -> None:
    now = clock.now()
    mine = replace(event(now, "service_answered"), transaction="transaction-1", case="case-1")
    await sql.authorizations.record(answer(now, session=session(now), events=(mine,)))
    await sql.audit.write(
        [
            replace(event(now, "attempt_failed"), transaction="transaction-1"),
            replace(event(now, "attempt_failed"), transaction="transaction-of-another"),
            replace(event(now, "case_opened"), actor="staff:rhys", case="case-1"),
            replace(event(now, "case_opened"), actor="staff:rhys", case="case-of-another"),
            replace(event(now, "service_blocked"), account="account-of-another"),
            replace(event(now, "service_blocked"), account=ACCOUNT),
        ]
    )
    assert await kinds(sql, ACCOUNT) == ["service_blocked", "case_opened", "attempt_failed", "service_answered"]
    assert await kinds(sql, ACCOUNT, now + 1) == []
    assert await kinds(sql, "account-of-nobody") == []


async def test_the_rows_of_an_account_that_was_merged_in_are_read_too(sql: SqlStores, clock: FakeClock) -> None:
    now = clock.now()
    await sql.authorizations.record(answer(now, session=session(now)))
    other = answer(now, "bob", "bob", code=code(now, "bob", client_id="post"), sector="post.example", session=None)
    await sql.authorizations.record(replace(other, events=(event(now, "identity_kept"),)))
    linked = replace(event(now, "identity_linked"), account=ACCOUNT)
    write = LinkWrite(ACCOUNT, session(now), identity("bob"), linked, event(now), no_fan_out)
    await sql.identity_links.link(write)
    assert await kinds(sql, ACCOUNT) == ["identity_linked", "identity_kept", "service_answered"]
