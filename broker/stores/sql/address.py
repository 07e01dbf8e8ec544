"""Database URLs: `sqlite:<path>` or `postgresql://user@host:port/database`."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import URL

from broker.platform.store_urls import POSTGRESQL, BadUrl, read_store_url

_EXPECTED = "write sqlite:<path> or postgresql://user@host:5432/database"


@dataclass(frozen=True, slots=True)
class SqliteAddress:
    """An SQLite file."""

    path: Path


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """A PostgreSQL server and database. The password comes from a separate file, never from the URL.

    With `tls` the connection is encrypted and verified by that context; without it, it is not encrypted.
    """

    host: str
    port: int
    user: str
    database: str
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False, compare=False)

    def url(self) -> URL:
        """The URL for SQLAlchemy, without TLS parameters."""
        return URL.create("postgresql+asyncpg", self.user, self.password, self.host, self.port, self.database)


@dataclass(frozen=True, slots=True)
class DatabaseAccess:
    """Credentials beside the URL: the password, and TLS parameters (`None`: connections are not encrypted)."""

    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None


NO_CREDENTIALS: Final = DatabaseAccess()


def address(url: str, access: DatabaseAccess = NO_CREDENTIALS) -> SqliteAddress | PostgresAddress:
    """Parses a database URL. Raises BadUrl, a ValueError with what is wrong and a fix."""
    if url.startswith("sqlite:"):
        path = url.removeprefix("sqlite:")
        if not path or path.startswith("//"):
            raise BadUrl("this is not a path", _EXPECTED)
        return SqliteAddress(Path(path))
    parts = read_store_url(url, POSTGRESQL)
    return PostgresAddress(
        host=parts.host,
        port=parts.port,
        user=parts.user or "portico",
        database=parts.database,
        password=parts.password if access.password is None else access.password,
        tls=access.tls,
    )
