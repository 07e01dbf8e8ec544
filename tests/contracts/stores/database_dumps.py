"""Dumps of a database of each release: made before a migration is added, loaded to test its upgrade.

    python -m tests.contracts.stores.database_dumps

writes `dumps/schema_<revision>.sqlite.sql`, `dumps/schema_<revision>.postgres.sql`, the audit checkpoints of both and
the public key that verifies these. The people in it are invented; the sealing key is `full_database.SEALING_KEY`.
"""

import asyncio
import json
import math
import secrets
import sqlite3
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import asyncpg

from broker.crypto.jose import load_signing_key, new_signing_key_pem, public_jwk
from broker.crypto.seal import sealer
from broker.platform.system import System
from broker.stores.sql.address import SqliteAddress, address
from broker.stores.sql.audit_chain import CheckpointSigner
from broker.stores.sql.migrate import migrate
from broker.stores.sql.schema import heads
from broker.stores.sql_stores import open_sql_stores
from tests.contracts.stores.full_database import NOW, SEALING_KEY, fill
from tests.support.postgres import PostgresServer

DUMPS: Final = Path(__file__).parent / "dumps"
_LEFT_OUT: Final = ("\\", "--", "SET transaction_timeout")
"""How the lines begin that no server, or no earlier server, understands."""


async def fill_database(url: str, notary: CheckpointSigner) -> None:
    """Brings an empty database to this release's schema and writes rows into every table."""
    system = System(now=lambda: NOW, random_bytes=secrets.token_bytes, monotonic=lambda: 0.0)
    await migrate(url)
    sql = await open_sql_stores(url, sealer(SEALING_KEY, (), system.random_bytes), system, tolerance=math.inf)
    await fill(sql, notary)
    await sql.close()


def dump_sqlite(file: Path) -> str:
    """The statements that recreate a database file."""
    connection = sqlite3.connect(file)
    statements = "\n".join(connection.iterdump())
    connection.close()
    return f"{statements}\n"


def dump_postgres(url: str) -> str:
    """The statements that recreate a PostgreSQL database, for any server that the broker runs with."""
    dump = subprocess.run(
        ["pg_dump", "--inserts", "--no-owner", "--no-privileges", url], check=True, capture_output=True, text=True
    )
    return "".join(line for line in dump.stdout.splitlines(keepends=True) if not line.startswith(_LEFT_OUT))


async def load_dump(begin: Path, url: str) -> None:
    """Makes the database of a dump in an empty one. `begin` is the path of the dump up to its first dot."""
    where = address(url)
    if isinstance(where, SqliteAddress):
        file = sqlite3.connect(where.path)
        file.executescript(begin.with_suffix(".sqlite.sql").read_text())
        file.close()
        return
    server = await asyncpg.connect(url)
    await server.execute(begin.with_suffix(".postgres.sql").read_text())
    await server.close()


async def tables(url: str) -> set[str]:
    """The names of all tables but that of the migrations."""
    if isinstance(address(url), SqliteAddress):
        rows = await query(url, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    else:
        rows = await query(url, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    return {name for (name,) in rows} - {"alembic_version"}


async def query(url: str, statement: str) -> Sequence[tuple[Any, ...]]:
    """The rows that a statement gives, run beside the stores."""
    where = address(url)
    if isinstance(where, SqliteAddress):
        with sqlite3.connect(where.path) as file:
            found: Sequence[tuple[Any, ...]] = file.execute(statement).fetchall()
        file.close()
        return found
    server = await asyncpg.connect(url)
    rows = [tuple(row) for row in await server.fetch(statement)]
    await server.close()
    return rows


async def main() -> None:
    """Makes both dumps."""
    key = load_signing_key(new_signing_key_pem("EdDSA"), "EdDSA")
    [revision] = heads()
    begin = DUMPS / f"schema_{revision}"
    for file in DUMPS.glob(f"{begin.name}.*"):
        file.unlink()  # checkpoints are appended
    begin.with_suffix(".key.json").write_text(json.dumps(dict(public_jwk(key))) + "\n")
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "facts.db"
        await fill_database(f"sqlite:{database}", CheckpointSigner(key, begin.with_suffix(".sqlite.checkpoints")))
        begin.with_suffix(".sqlite.sql").write_text(dump_sqlite(database))
    server = PostgresServer()
    try:
        with server.database() as url:
            await fill_database(url, CheckpointSigner(key, begin.with_suffix(".postgres.checkpoints")))
            begin.with_suffix(".postgres.sql").write_text(dump_postgres(url))
    finally:
        server.remove()


if __name__ == "__main__":
    asyncio.run(main())
