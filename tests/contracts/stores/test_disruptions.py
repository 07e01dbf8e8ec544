"""Disruptions in SQL: recorded by one process at a time, with audit rows and a heartbeat."""

import asyncio
from dataclasses import replace

import pytest

from broker.actions.open_data.status import Status, read_status, record_status
from broker.model.disruption import BROKER, Condition, Disruption, DisruptionKind
from broker.stores.sql_stores import SqlStores
from tests.contracts.stores.conftest import OpenSqlStores

pytestmark = pytest.mark.store

NOW = 1_800_000_000.0
OUTAGE = DisruptionKind.OUTAGE
DOWN = {"bank": Condition(OUTAGE, NOW - 60)}


def at(sql: SqlStores, now: float) -> Status:
    """The status at a time."""
    return Status(sql.disruptions, replace(sql.system, now=lambda: now))


async def test_an_disruption_is_recorded_once_with_its_audit_rows(sql: SqlStores) -> None:
    await record_status(at(sql, NOW), DOWN)
    await record_status(at(sql, NOW + 30), DOWN)
    began = Disruption("bank", OUTAGE, NOW - 60)
    record = await read_status(at(sql, NOW + 30))
    assert (record.disruptions, record.first, record.last) == ((began,), NOW, NOW + 30)
    assert record.lasting("bank") == began
    await record_status(at(sql, NOW + 60), {"bank": Condition()})
    record = await read_status(at(sql, NOW + 60))
    assert record.disruptions == (replace(began, ended=NOW + 60),)
    assert record.lasting("bank") is None
    rows = [event for _, event in await sql.audit.read(0, 10)]
    assert [(row.kind, row.provider, dict(row.details)) for row in rows] == [
        ("disruption_began", "bank", {"kind": "outage", "began": str(int(NOW - 60))}),
        ("disruption_ended", "bank", {"kind": "outage", "began": str(int(NOW - 60))}),
    ]


async def test_a_time_without_record_is_an_outage_of_the_broker(sql: SqlStores) -> None:
    await record_status(at(sql, NOW), {})
    await record_status(at(sql, NOW + 3600), {})
    record = await read_status(at(sql, NOW + 3600))
    assert record.disruptions == (Disruption(BROKER, OUTAGE, NOW, NOW + 3600),)
    assert (await read_status(at(sql, NOW + 100 * 86_400))).disruptions == ()


async def test_of_several_processes_one_records(open_one: OpenSqlStores) -> None:
    processes = [await open_one() for _ in range(3)]
    await asyncio.gather(*(record_status(at(sql, NOW), DOWN) for sql in processes))
    assert len((await read_status(at(processes[0], NOW))).disruptions) == 1
    assert len(await processes[0].audit.read(0, 10)) == 1
