"""Where the facts are: `sqlite:<path>` or `postgresql://user@host:port/database`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

_EXPECTED: Final = "expected sqlite:<path> or postgresql://user@host:port/database[?sslrootcert=<path>]"


@dataclass(frozen=True, slots=True)
class SqliteAddress:
    """A file."""

    path: Path


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """A database on a server. The password comes from a file of its own, never with the address.

    `authority` is a file of certificates: with it the connection is TLS and the server must prove its name.
    """

    host: str
    port: int
    user: str
    database: str
    password: str | None = field(default=None, repr=False)
    authority: Path | None = None

    def url(self) -> URL:
        """The address as SQLAlchemy takes it, without what is said about TLS."""
        return URL.create("postgresql+asyncpg", self.user, self.password, self.host, self.port, self.database)


def address(url: str, password: str | None = None) -> SqliteAddress | PostgresAddress:
    """Reads an address. Raises ValueError, which says what was expected."""
    if url.startswith("sqlite:"):
        path = url.removeprefix("sqlite:")
        if not path or path.startswith("//"):
            raise ValueError(_EXPECTED)
        return SqliteAddress(Path(path))
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError(_EXPECTED) from None
    authority = parts.query.get("sslrootcert")
    known = parts.drivername == "postgresql" and parts.query.keys() <= {"sslrootcert"}
    if not known or not parts.host or not parts.database or isinstance(authority, tuple):
        raise ValueError(_EXPECTED)
    return PostgresAddress(
        host=parts.host,
        port=parts.port or 5432,
        user=parts.username or "portico",
        database=parts.database,
        password=parts.password if password is None else password,
        authority=None if authority is None else Path(authority),
    )
