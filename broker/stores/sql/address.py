"""Where the facts are: `sqlite:<path>` or `postgresql://user@host:port/database`."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL

from broker.platform.store_urls import POSTGRESQL, BadUrl, read_store_url

_EXPECTED = "write sqlite:<path> or postgresql://user@host:5432/database"


@dataclass(frozen=True, slots=True)
class SqliteAddress:
    """A file."""

    path: Path


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """A database on a server. The password comes from a file of its own, never with the address.

    With `tls` the connection is encrypted and verified as the context says; without it, it is plain.
    """

    host: str
    port: int
    user: str
    database: str
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False, compare=False)

    def url(self) -> URL:
        """The address as SQLAlchemy takes it, without what is said about TLS."""
        return URL.create("postgresql+asyncpg", self.user, self.password, self.host, self.port, self.database)


def address(
    url: str, password: str | None = None, tls: ssl.SSLContext | None = None
) -> SqliteAddress | PostgresAddress:
    """Reads an address. Raises BadUrl, a ValueError that says what is wrong and what to write."""
    if url.startswith("sqlite:"):
        path = url.removeprefix("sqlite:")
        if not path or path.startswith("//"):
            raise BadUrl("this is no path of a file", _EXPECTED)
        return SqliteAddress(Path(path))
    parts = read_store_url(url, POSTGRESQL)
    return PostgresAddress(
        host=parts.host,
        port=parts.port,
        user=parts.user or "portico",
        database=parts.database,
        password=parts.password if password is None else password,
        tls=tls,
    )
