"""What databases and the way to PostgreSQL refuse, in words for operators: the cause, and the mend if one is known."""

import re
import sqlite3
import ssl
from collections.abc import Mapping
from typing import Final

import asyncpg

from broker.model.store_results import StoreUnavailable

_PASSING: Final = ("08", "25006", "28", "3D", "40", "42501", "53", "55P03", "57", "58")
"""How the states begin that say: not now, or not with this configuration (connection, read-only, user or password, no
such database, rolled back, a right is missing, out of something, shutting down)."""

BROKEN: Final = (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""What comes of a connection that broke, however far the driver had come to notice it."""

_NOT_PREPARED: Final = (
    asyncpg.InvalidCachedStatementError,
    asyncpg.InvalidSQLStatementNameError,
    asyncpg.DuplicatePreparedStatementError,
)
"""What comes of a statement that is not on its connection as we left it."""

READ_ONLY: Final = "name the primary in database.url, or make the database writable: default_transaction_read_only"

_FIXES: Final[Mapping[str, str]] = {
    "28": "look at the user in database.url, at database.password_file, and at the server's pg_hba.conf",
    "3D": "create the database, or write its name at the end of database.url",
    "25006": READ_ONLY,
    "42501": "let the user of database.url own the database's tables: GRANT, or ALTER TABLE ... OWNER TO",
    "53300": "raise max_connections of the server above database.pool_size times all workers",
    "08P01": "a pooler between must keep sessions (PgBouncer: pool_mode = session)",
}


_TABLES: Final = ("3F", "42701", "42703", "42704", "42710", "42P01", "42P06", "42P07")
"""How the states begin that say: a table, a column or an index is missing, or is there already."""

_TABLES_OF_FILE: Final = re.compile(r"no such (table|column|index)|has no column|already exists|duplicate column name")


def wrong_tables(error: BaseException) -> str | None:
    """What is wrong with the database's tables, with the mend, if an error comes of that; None for any other.

    Tables that are not those of the version written beside them were left by an incomplete restore, another program or
    a change by hand. A version that is not known is that of a newer release.
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
            return "a newer release has migrated this database\n    run that release, or restore a backup of before"
        seen = seen.__cause__ or seen.__context__
    return None


def _wrong(said: str) -> str:
    return f"the tables are not those of this database's version: {said}\n    restore a whole backup, or name another"


def is_passing(error: Exception) -> bool:
    """Whether an error says that the database cannot be used now, rather than that a statement is wrong."""
    # a statement prepared before a migration, or lost by a pooler: the next connection prepares it anew
    if not isinstance(error, asyncpg.PostgresError) or isinstance(error, _NOT_PREPARED):
        return True
    return (error.sqlstate or "08").startswith(_PASSING)


def unavailable(error: Exception) -> StoreUnavailable:
    """An error in words, with its mend if one is known."""
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    found = fix_for(error)
    return StoreUnavailable(f"{said}\n    {found}" if found else said)


def fix_for(error: Exception) -> str | None:
    """What an operator can do about it, or None if nothing better is known than the error itself."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in (62, 64):
            return "write the host in database.url as the server's certificate names it"
        return "name the certificates of the authority that signed the server's certificate with database.ca_file"
    if isinstance(error, ssl.SSLError):
        return (
            "look at what the server wants: a client certificate is named with database.cert_file and database.key_file"
        )
    if isinstance(error, ConnectionError) and "SSL upgrade" in str(error):
        return "let the server speak TLS (ssl = on), or write tls = false if nobody else can reach the network between"
    if isinstance(error, asyncpg.ConnectionDoesNotExistError):
        return "the server's log says why it ended the connection: a restart, or a certificate that it does not take"
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return next((_FIXES[known] for known in _FIXES if state.startswith(known)), None)
    return None
