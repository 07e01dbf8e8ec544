"""Migrations: numbered, atomic, and without loss of a row of the release before."""

import secrets
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

from broker.crypto.seal import Sealer, sealer
from broker.stores.sql.data_migration import SealingKeyNeeded
from broker.stores.sql.migrate import config, migrate
from broker.stores.sql.migrations import refuse_downgrade
from broker.stores.sql.schema import schema_is_current
from broker.stores.sql.tables import metadata
from tests.contracts.stores.database_dumps import DUMPS, load_dump, query, tables
from tests.contracts.stores.full_database import SEALING_KEY

TABLES = {
    "marks": "shared_counters",
    "shares": "consents",
    "subjects": "pairwise_subjects",
    "codes": "authorization_codes",
    "assertions": "used_jtis",
    "questions": "backchannel_requests",
    "switches": "kill_switches",
    "case_marks": "case_fingerprints",
    "session_services": "session_clients",
    "notices": "notifications",
}
"""The names of tables before and after revision 0010."""


@pytest.fixture(params=[pytest.param(kind, marks=pytest.mark.store) for kind in ("sqlite", "postgres")])
async def before(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database at revision 0009, of each kind."""
    url = f"sqlite:{tmp_path}/facts.db" if request.param == "sqlite" else str(request.getfixturevalue("database"))
    await load_dump(DUMPS / "schema_0009", url)
    return url


async def content(url: str, table: str) -> list[tuple[object, ...]]:
    """The rows of a table, in an order that does not depend on its name."""
    return sorted(await query(url, f"SELECT * FROM {table}"), key=repr)


def test_each_migration_file_begins_with_its_revision_and_follows_the_one_before() -> None:
    scripts = list(ScriptDirectory.from_config(config()).walk_revisions())[::-1]
    numbers = [f"{number:04}" for number in range(1, len(scripts) + 1)]
    assert [script.revision for script in scripts] == numbers
    assert [script.down_revision for script in scripts] == [None, *numbers[:-1]]
    assert [Path(script.path).name[:5] for script in scripts] == [f"{number}_" for number in numbers]


def sealing() -> Sealer:
    """The sealing key of the dump."""
    return sealer(SEALING_KEY, (), secrets.token_bytes)


@pytest.mark.store
async def test_a_downgrade_is_refused_by_every_migration(tmp_path: Path) -> None:
    scripts = ScriptDirectory.from_config(config()).walk_revisions()
    assert {script.module.downgrade for script in scripts} == {refuse_downgrade}
    await migrate(f"sqlite:{tmp_path}/facts.db")
    known = config()
    with create_engine(f"sqlite:///{tmp_path}/facts.db").begin() as connection:
        known.attributes["connection"] = connection
        with pytest.raises(NotImplementedError, match=r"^Downgrades are not supported: restore a backup\.$"):
            command.downgrade(known, "-1")
    assert await schema_is_current(f"sqlite:{tmp_path}/facts.db")


async def test_a_database_of_the_release_before_is_not_current_until_it_is_migrated(before: str) -> None:
    assert not await schema_is_current(before)
    for _ in range(2):
        await migrate(before, sealing=sealing)
        assert await schema_is_current(before)


async def test_a_database_of_a_newer_release_is_not_current(before: str) -> None:
    await migrate(before, sealing=sealing)
    await query(before, "UPDATE alembic_version SET version_num = '9999'")
    assert not await schema_is_current(before)


async def test_cases_need_the_sealing_keys_for_the_columns_of_their_lists(before: str) -> None:
    with pytest.raises(SealingKeyNeeded):
        await migrate(before)
    assert not await schema_is_current(before)
    await migrate(before, sealing=sealing)
    rows = await query(before, "SELECT min(level), min(client_id), min(edit_version) FROM cases")
    assert rows == [(2, "passports", 3)]


async def test_a_case_that_cannot_be_opened_stops_no_migration(before: str) -> None:
    await query(before, "UPDATE cases SET sealed = (SELECT sealed FROM grants WHERE sealed IS NOT NULL LIMIT 1)")
    await migrate(before, sealing=sealing)
    assert {row[0] for row in await query(before, "SELECT level FROM cases")} == {0}


async def test_every_row_is_the_same_after_the_migrations(before: str) -> None:
    rows = {TABLES.get(name, name): await content(before, name) for name in await tables(before)}
    rows["shared_counters"] = sorted(
        (("kill_switches" if name == "switches" else name, value) for name, value in rows["shared_counters"]), key=repr
    )
    await migrate(before, sealing=sealing)
    assert all(rows.values())
    for table, old in rows.items():
        new, width = await content(before, table), len(old[0])
        assert [row[:width] for row in new] == old, table
        # columns that were added: those of cases are computed from the sealed record, all notices went by e-mail
        added = [row[width : width + 3] if table == "cases" else row[width:] for row in new]
        empty = {value in (None, *(["email"] if table == "notifications" else [])) for row in added for value in row}
        assert empty <= {table != "cases"}, table
    assert await tables(before) == set(metadata.tables)
    assert not [table for table in metadata.tables.keys() - rows.keys() if await content(before, table)]


async def test_a_migration_that_fails_halfway_changes_nothing_and_can_be_run_again(before: str) -> None:
    rows = {name: await content(before, name) for name in TABLES}
    await query(before, f"CREATE TABLE {list(TABLES.values())[-1]} (id text)")
    with pytest.raises(DBAPIError, match="already exists"):
        await migrate(before, sealing=sealing)
    assert {name: await content(before, name) for name in TABLES} == rows
    assert await query(before, "SELECT version_num FROM alembic_version") == [("0009",)]
    await query(before, f"DROP TABLE {list(TABLES.values())[-1]}")
    await migrate(before, sealing=sealing)
    assert await schema_is_current(before)
