"""Search in the audit record: every condition, across windows of row ids, the newest rows."""

import itertools

import pytest

from broker.model.audit import AuditEvent
from broker.model.audit_search import AuditQuery
from broker.stores.sql import audit_search
from broker.stores.sql_stores import SqlStores

pytestmark = pytest.mark.store

ROWS = [
    AuditEvent(kind, 100.0 + at, actor, f"sign-in-{at % 3}", f"case-{at % 2}", client, provider, f"acc-{at % 4}")
    for at, (kind, actor, client, provider) in enumerate(
        itertools.product(("opened", "closed"), ("citizen", "staff:mei"), ("library", "tax"), ("bank", None))
    )
]


@pytest.mark.parametrize("window", [3, 50_000])
async def test_every_condition_holds_for_the_newest_rows_in_order(
    sql: SqlStores, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_search, "WINDOW", window)
    assert await sql.audit_search.search(AuditQuery(), 5) == []
    assert await sql.staff_audit.began() is None
    await sql.audit.write(ROWS)
    assert await sql.staff_audit.began() == ROWS[0].at
    every = await sql.audit_search.search(AuditQuery(), 100)
    assert [event for _, event in every] == ROWS
    assert [number for number, _ in every] == sorted(number for number, _ in every)
    assert await sql.audit_search.search(AuditQuery(), 4) == every[-4:]
    for want, holds in (
        (AuditQuery(kind="opened"), lambda event: event.kind == "opened"),
        (AuditQuery(actor="staff:mei"), lambda event: event.actor == "staff:mei"),
        (AuditQuery(client_id="tax"), lambda event: event.client_id == "tax"),
        (AuditQuery(provider="bank"), lambda event: event.provider == "bank"),
        (AuditQuery(account="acc-1"), lambda event: event.account == "acc-1"),
        (AuditQuery(case="case-1"), lambda event: event.case == "case-1"),
        (AuditQuery(transaction="sign-in-2"), lambda event: event.transaction == "sign-in-2"),
        (AuditQuery(since=103.0, until=106.0), lambda event: 103 <= event.at < 106),
        (AuditQuery(kind="opened", client_id="tax"), lambda event: (event.kind, event.client_id) == ("opened", "tax")),
    ):
        found = [row for row in every if holds(row[1])]
        assert 0 < len(found) < len(every)
        assert await sql.audit_search.search(want, 100) == found
        assert await sql.audit_search.search(want, 1) == found[-1:]
    number, event = every[7]
    assert await sql.audit_search.row(number) == (number, event)
    assert await sql.audit_search.row(number + 1_000) is None
