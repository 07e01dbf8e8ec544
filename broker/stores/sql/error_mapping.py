"""Database errors in words for operators: the cause, and the fix if one is known."""

import re
import sqlite3
import ssl
from collections.abc import Mapping
from typing import Final

import asyncpg

from broker.model.store_results import StoreUnavailable

_PASSING: Final = ("08", "25006", "28", "3D", "40", "42501", "53", "55P03", "57", "58")
"""Prefixes of SQLSTATEs of temporary or configuration errors (connection, read-only, user or password, no such
database, rolled back, missing privilege, out of resources, shutting down)."""

BROKEN: Final = (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""Exceptions of a broken connection, as they come from the driver, asyncio or the operating system."""

_NOT_PREPARED: Final = (
    asyncpg.InvalidCachedStatementError,
    asyncpg.InvalidSQLStatementNameError,
    asyncpg.DuplicatePreparedStatementError,
)
"""SQLSTATEs of a prepared statement that is missing or outdated on its connection."""

READ_ONLY: Final = "name the primary in database.url, or make the database writable: default_transaction_read_only"

_FIXES: Final[Mapping[str, str]] = {
    "28": "check the user in database.url, database.password_file, and the server's pg_hba.conf",
    "3D": "create the database, or write its name at the end of database.url",
    "25006": READ_ONLY,
    "42501": "make the user of database.url the owner of the database's tables: GRANT, or ALTER TABLE ... OWNER TO",
    "53300": "raise max_connections of the server above database.pool_size times all workers",
    "08P01": "a connection pooler must pool sessions (PgBouncer: pool_mode = session)",
}


_TABLES: Final = ("3F", "42701", "42703", "42704", "42710", "42P01", "42P06", "42P07")
"""Prefixes of SQLSTATEs that say that a table, a column or an index is missing, or exists already."""

_TABLES_OF_FILE: Final = re.compile(r"no such (table|column|index)|has no column|already exists|duplicate column name")


def wrong_tables(error: BaseException) -> str | None:
    """The fault of the database's tables with a fix, if an error comes from them; None for any other error.

    Tables that do not match the recorded version come from an incomplete restore, another program or a manual change.
    An unknown version comes from a newer release.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, BaseExceptionGroup):
            return next((said for one in seen.exceptions if (said := wrong_tables(one)) is not None), None)
        if isinstance(seen, asyncpg.PostgresError) and (seen.sqlstate or "").startswith(_TABLES):
            return _wrong(str(seen))
        if isinstance(seen, sqlite3.OperationalError) and _TABLES_OF_FILE.search(str(seen)):
            return _wrong(str(seen))
        if type(seen).__module__.startswith("alembic.") and "locate revision" in str(seen):
            return "a newer release has migrated this database\n    run that release, or restore an earlier backup"
        seen = seen.__cause__ or seen.__context__
    return None


def _wrong(said: str) -> str:
    return f"the tables do not match this database's version: {said}\n    restore a complete backup, or use another"


def is_passing(error: Exception) -> bool:
    """Whether an error is temporary (the database is unavailable) rather than an error in a statement."""
    # a statement prepared before a migration, or lost by a pooler: the next connection prepares it again
    if not isinstance(error, asyncpg.PostgresError) or isinstance(error, _NOT_PREPARED):
        return True
    return (error.sqlstate or "08").startswith(_PASSING)


def unavailable(error: Exception) -> StoreUnavailable:
    """Converts an error to StoreUnavailable, with a fix if one is known."""
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    found = fix_for(error)
    return StoreUnavailable(f"{said}\n    {found}" if found else said)


def fix_for(error: Exception) -> str | None:
    """What an operator can do about an error, or None if nothing better is known than the error itself."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in (62, 64):
            return "write the host in database.url as the server's certificate names it"
        return "name the certificates of the authority that signed the server's certificate with database.ca_file"
    if isinstance(error, ssl.SSLError):
        return "configure the client certificate that the server may require: database.cert_file and database.key_file"
    if isinstance(error, ConnectionError) and "SSL upgrade" in str(error):
        return "enable TLS on the server (ssl = on), or write tls = false if the network is private"
    if isinstance(error, asyncpg.ConnectionDoesNotExistError):
        return "see the server's log for why it closed the connection: a restart, or a rejected certificate"
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return next((_FIXES[known] for known in _FIXES if state.startswith(known)), None)
    return None
