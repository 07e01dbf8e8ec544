"""Every statement that is prepared when the stores are opened is one that its database accepts."""

import sqlite3
from contextlib import closing
from typing import Any

import asyncpg
import pytest

from broker.crypto.seal import Sealer
from broker.platform.system import System
from broker.stores.sql import dialect
from broker.stores.sql.database import AtomicWrite, Prepared, Statement
from tests.contracts.stores.conftest import open_by_fake_clock

pytestmark = pytest.mark.store
LEAST = 350
"""Fewer statements than the stores prepare."""


async def prepared_by(
    kind: type[dialect.Sqlite] | type[dialect.Postgres], url: str, sealer: Sealer, system: System
) -> list[Prepared]:
    """What is prepared while the stores are opened."""
    found: list[Prepared] = []
    prepare = kind.prepare

    def noted(self: Any, what: Statement | AtomicWrite) -> Prepared:
        found.append(prepare(self, what))
        return found[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "prepare", noted)
        sql = await open_by_fake_clock(url, sealer, system)
    await sql.close()
    assert len(found) > LEAST
    return found


async def test_sqlite_takes_every_statement(sqlite_url: str, sealer: Sealer, system: System) -> None:
    found = await prepared_by(dialect.Sqlite, sqlite_url, sealer, system)
    with closing(sqlite3.connect(sqlite_url.partition(":")[2])) as connection:
        for step in (step for one in found for step in one.steps):
            connection.execute(f"EXPLAIN {step.sql}", dict.fromkeys(step.names))


async def test_postgresql_takes_every_statement(postgres_url: str, sealer: Sealer, system: System) -> None:
    found = await prepared_by(dialect.Postgres, postgres_url, sealer, system)
    connection = await asyncpg.connect(postgres_url)
    for step in (step for one in found for step in one.steps):
        await connection.prepare(step.sql)
    await connection.close()


async def test_a_statement_is_compiled_at_its_first_use_and_once() -> None:
    compiled = []

    def compile_steps() -> tuple[()]:
        compiled.append(1)
        return ()

    prepared = Prepared(compile_steps)
    assert compiled == []
    assert prepared.steps is prepared.steps
    assert compiled == [1]
    with pytest.raises(AttributeError, match="other"):
        prepared.other  # type: ignore[attr-defined] # noqa: B018
