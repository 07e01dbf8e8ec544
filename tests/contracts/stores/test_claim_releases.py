"""Released claims are counted from the audit record, and compared with what each service may ask for."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from broker.actions.open_data.releases import ReleaseCheck
from broker.model.audit import AuditEvent
from broker.model.release import ClaimRelease
from broker.stores.sql_stores import SqlStores

pytestmark = pytest.mark.store

NOW = 1_800_000_000.0


def answered(client_id: str, claims: str, at: float = NOW) -> AuditEvent:
    """An answer to a service."""
    return AuditEvent("service_answered", at, "citizen", client_id=client_id, details={"claims": claims})


async def write(sql: SqlStores, *events: AuditEvent) -> None:
    """Writes and seals rows."""
    await sql.audit.write(events)
    await sql.audit_chain.seal_once()


async def test_releases_are_counted_once_with_their_first_and_last_time(sql: SqlStores) -> None:
    services: Any = {"tax": SimpleNamespace(claims=frozenset({"name", "email"}))}
    seen: list[tuple[str, str]] = []
    check = ReleaseCheck(sql.claim_releases, services, lambda *one: seen.append(one))
    await write(sql, answered("tax", "email name"), answered("gone", "address"), AuditEvent("given_up", NOW, "citizen"))
    await check()
    await write(sql, answered("tax", "name", NOW + 60), answered("tax", "", NOW + 90))
    await check()
    assert await sql.claim_releases.released() == [
        ClaimRelease("tax", "email", NOW, NOW),
        ClaimRelease("tax", "name", NOW, NOW + 60),
    ]
    assert seen == []


async def test_a_release_that_is_not_registered_is_an_alarm_and_stays_one(
    sql: SqlStores, caplog: pytest.LogCaptureFixture
) -> None:
    services: Any = {"tax": SimpleNamespace(claims=frozenset({"name", "email"}))}
    seen: list[tuple[str, str]] = []
    check = ReleaseCheck(sql.claim_releases, services, lambda *one: seen.append(one))
    await check()
    # the last release before a reload that takes the claim away is no alarm, a later one is
    services["tax"] = SimpleNamespace(claims=frozenset({"name"}))
    await write(sql, answered("tax", "email"))
    await check()
    assert seen == []
    await write(sql, answered("tax", "email name", NOW + 60))
    with caplog.at_level(logging.ERROR, "portico.open_data"):
        await check()
    assert seen == [("tax", "email")]
    assert [(record.message, vars(record)["claim"]) for record in caplog.records] == [
        ("release_not_registered", "email")
    ]
    services["tax"] = SimpleNamespace(claims=frozenset({"name", "email"}))
    await write(sql, answered("tax", "email", NOW + 120))
    await check()
    assert [one.alarm for one in await sql.claim_releases.released()] == [NOW + 60, None]
