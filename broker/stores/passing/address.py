"""Where a Redis is: `redis://host:port/number`, or `rediss://` for TLS, with a user before the host if it has users."""

import ssl

from broker.store_urls import REDIS, REDIS_TLS, read_store_url
from broker.stores.passing.line import Place


def place(url: str, password: str | None, tls: ssl.SSLContext | None = None) -> Place:
    """Reads an address. `tls` is how `rediss://` is verified: without it, by the machine's own authorities.

    Raises BadUrl, a ValueError, for an address that cannot be used.
    """
    parts = read_store_url(url, REDIS, REDIS_TLS)
    encrypted = parts.scheme == REDIS_TLS
    return Place(
        host=parts.host,
        port=parts.port,
        database=int(parts.database),
        user=parts.user,
        password=parts.password if password is None else password,
        tls=(tls or ssl.create_default_context()) if encrypted else None,
    )
