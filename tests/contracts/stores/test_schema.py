"""Migrations: on both databases they lead to the schema that the statements are made for."""

import asyncio
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.schema import CreateTable

from broker.platform.store_urls import BadUrl
from broker.stores.sql.address import DatabaseAccess, PostgresAddress, SqliteAddress, address
from broker.stores.sql.migrate import config, migrate
from broker.stores.sql.schema import heads, schema_is_current
from broker.stores.sql.tables import metadata, unique_keys


def differences(connection: Connection) -> list[object]:
    """Differences between the database and the tables, found by Alembic."""
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


def index_text(index: Mapping[str, Any]) -> str:
    """An index with its condition, if it has one."""
    options = {name: str(value) for name, value in (index.get("dialect_options") or {}).items()}
    return str({**index, "dialect_options": options})


def shapes(connection: Connection) -> dict[str, object]:
    """The tables as the database describes them: with keys, names and conditions, which Alembic does not compare."""
    seen = inspect(connection)
    names = [name for name in seen.get_table_names() if name != "alembic_version"]
    return {
        name: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in seen.get_columns(name)],
            seen.get_pk_constraint(name),
            sorted(map(str, seen.get_unique_constraints(name))),
            sorted(index_text(index) for index in seen.get_indexes(name)),
            sorted(map(str, seen.get_foreign_keys(name))),
        )
        for name in names
    }


def created(connection: Connection) -> dict[str, object]:
    """The same of a database that is made from the tables at once."""
    metadata.create_all(connection)
    return shapes(connection)


@pytest.mark.store
async def test_migrations_make_the_tables_in_sqlite(tmp_path: Path) -> None:
    await migrate(f"sqlite:{tmp_path}/migrated.db")
    with create_engine(f"sqlite:///{tmp_path}/migrated.db").connect() as one:
        assert differences(one) == []
        with create_engine(f"sqlite:///{tmp_path}/created.db").connect() as other:
            assert shapes(one) == created(other)


async def test_migrations_make_the_tables_in_postgresql(migrated: str, database: str) -> None:
    found: list[object] = []
    for url, look in ((migrated, differences), (migrated, shapes), (database, created)):
        where = address(url)
        assert isinstance(where, PostgresAddress)
        engine = create_async_engine(where.url(), connect_args={"ssl": False})
        async with engine.begin() as connection:
            found.append(await connection.run_sync(look))
        await engine.dispose()
    assert found[0] == []
    assert found[1] == found[2]


@pytest.mark.store
async def test_every_table_is_made_by_the_migrations(tmp_path: Path) -> None:
    await migrate(f"sqlite:{tmp_path}/facts.db")
    with sqlite3.connect(tmp_path / "facts.db") as file:
        tables = {name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    file.close()
    assert tables == set(metadata.tables) | {"alembic_version"}
    assert all(str(CreateTable(table)) for table in metadata.sorted_tables)


@pytest.mark.store
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_a_schema_is_current_once_it_was_migrated_and_stays_so(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:{tmp_path}/facts.db" if kind == "sqlite" else request.getfixturevalue("database")
    assert not await schema_is_current(url)
    await migrate(url)
    assert await schema_is_current(url)
    await migrate(url)
    assert await schema_is_current(url)


def test_the_newest_revisions_are_those_that_alembic_finds() -> None:
    found = heads()
    assert found == set(ScriptDirectory.from_config(config()).get_heads())
    assert found


async def test_several_processes_may_migrate_postgresql_at_once(database: str) -> None:
    await asyncio.gather(*(migrate(database) for _ in range(4)))
    assert await schema_is_current(database)


async def test_conflicts_are_recognised_by_the_constraint_names_of_postgresql(migrated: str) -> None:
    connection = await asyncpg.connect(migrated)
    rows = await connection.fetch(
        "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE i.indisunique AND n.nspname = 'public'"
    )
    await connection.close()
    assert {row[0] for row in rows} - {"alembic_version_pkc"} == set(unique_keys())


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("sqlite:facts.db", SqliteAddress(Path("facts.db"))),
        ("sqlite:/var/lib/facts.db", SqliteAddress(Path("/var/lib/facts.db"))),
        ("postgresql://ann@db.example:6543/facts", PostgresAddress("db.example", 6543, "ann", "facts")),
        ("postgresql://db.example/facts", PostgresAddress("db.example", 5432, "portico", "facts")),
        ("postgresql://ann%40a@[::1]/my%20facts", PostgresAddress("::1", 5432, "ann@a", "my facts")),
    ],
)
def test_an_address_is_read(url: str, read: SqliteAddress | PostgresAddress) -> None:
    assert address(url) == read


def test_the_password_comes_from_elsewhere_and_is_not_shown() -> None:
    where = address("postgresql://ann@db.example/facts", DatabaseAccess("sesame"))
    assert isinstance(where, PostgresAddress)
    assert where.password == "sesame"
    assert "sesame" not in repr(where)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sqlite:",
        "sqlite:///facts.db",
        "facts.db",
        "mysql://a@b/c",
        "postgresql://a@b",
        "postgresql:///facts",
        "postgresql://a@b/sql?sslmode=disable",
        "postgresql://a@b/sql?sslrootcert=/etc/ca.pem",
        "postgresql+asyncpg://a@b/c",
        "postgresql://a@b:port/c",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(BadUrl):
        address(url)
