"""Credentials and TLS for the database and Redis, from settings."""

import ssl
from pathlib import Path

from broker.platform.tls import client_context
from broker.settings import DatabaseSettings, EphemeralSettings, read_secret
from broker.stores.ephemeral.transport import RedisAccess
from broker.stores.sql.address import DatabaseAccess


def read_password(file: Path | None) -> str | None:
    """Returns the password in a file, None without a file."""
    return None if file is None else read_secret(file)


def _tls_context(store: DatabaseSettings | EphemeralSettings) -> ssl.SSLContext | None:
    """Returns how connections to a store are encrypted, None if they are not. Raises TlsUnusable."""
    how = store.protection
    return None if how is None else client_context(how)


def database_access(settings: DatabaseSettings) -> DatabaseAccess:
    """Returns the password of PostgreSQL, and how TLS is verified. Raises TlsUnusable."""
    return DatabaseAccess(read_password(settings.password_file), _tls_context(settings))


def redis_access(settings: EphemeralSettings) -> RedisAccess:
    """Returns the passwords of Redis and its Sentinels, and how TLS is verified. Raises TlsUnusable."""
    return RedisAccess(
        read_password(settings.password_file),
        _tls_context(settings),
        settings.sentinel_user,
        read_password(settings.sentinel_password_file),
    )
