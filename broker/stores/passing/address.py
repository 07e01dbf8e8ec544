"""Where a Redis is: `redis://host:port/number`, or `rediss://` for TLS, with a user before the host if it has users."""

import ssl
from typing import Final
from urllib.parse import SplitResult, urlsplit

from broker.stores.passing.line import Place

_PORT: Final = 6379


def place(url: str, password: str | None) -> Place:
    """Reads an address. Raises ValueError for one that is none.

    What goes beyond the usual form is read by redis-py, which takes 9 MB and is loaded for nothing else.
    """
    parts = urlsplit(url)
    host, port, database, user, own = _usual(parts) or _unusual(url)
    return Place(
        host=host,
        port=port,
        database=database,
        user=user,
        password=password if password is not None else own,
        tls=ssl.create_default_context() if parts.scheme == "rediss" else None,
    )


_Asked = tuple[str, int, int, str | None, str | None]


def _usual(parts: SplitResult) -> _Asked | None:
    """Host, port, database, user and password, in an address that needs no decoding; None for any other."""
    number = parts.path.removeprefix("/") or "0"
    plain = parts.scheme in ("redis", "rediss") and not (parts.query or parts.fragment or parts.password)
    if not plain or "%" in parts.netloc or not parts.hostname or not (number.isascii() and number.isdecimal()):
        return None
    return parts.hostname, parts.port or _PORT, int(number), parts.username or None, None


def _unusual(url: str) -> _Asked:
    from redis.asyncio.connection import parse_url  # here, since hardly anybody needs it

    asked = parse_url(url)
    return (
        asked.get("host", "localhost"),
        asked.get("port", _PORT),
        asked.get("db", 0),
        asked.get("username"),
        asked.get("password"),
    )
