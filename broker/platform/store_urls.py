"""Store URLs: `postgresql://user@host:port/database` and `redis://user@host:port/number`.

Parsed strictly: every part and every option that the broker does not use is rejected with a fix. Otherwise an operator
would rely on `sslmode=verify-full` while the connection is not encrypted.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

POSTGRESQL: Final = "postgresql"
REDIS: Final = "redis"
REDIS_TLS: Final = "rediss"

_PORTS: Final[Mapping[str, int]] = {POSTGRESQL: 5432, REDIS: 6379, REDIS_TLS: 6379}
_FORMS: Final[Mapping[str, str]] = {
    POSTGRESQL: "postgresql://user@host:5432/database",
    REDIS: "redis://host:6379/0",
    REDIS_TLS: "rediss://host:6379/0",
}
_MEANT: Final[Mapping[str, str]] = {
    "postgres": "postgresql://user@host:5432/database",
    "postgresql+asyncpg": "postgresql://user@host:5432/database",
    "postgresql+psycopg": "postgresql://user@host:5432/database",
    "postgresql+psycopg2": "postgresql://user@host:5432/database",
    "jdbc:postgresql": "postgresql://user@host:5432/database",
    "redis+tls": "rediss://host:6379/0",
    "valkey": "redis://host:6379/0",
    "valkeys": "rediss://host:6379/0",
}

_CERTIFICATE_OPTIONS: Final[Mapping[str, str]] = {
    "sslrootcert": 'name the certificates of its authority with the setting ca_file = "..."',
    "sslcert": 'name the certificate with the setting cert_file = "..."',
    "sslkey": 'name the key with the setting key_file = "..."',
    "ssl_ca_certs": 'name the certificates of its authority with the setting ca_file = "..."',
    "ssl_ca_path": 'name the certificates of its authority with the setting ca_file = "..."',
    "ssl_certfile": 'name the certificate with the setting cert_file = "..."',
    "ssl_keyfile": 'name the key with the setting key_file = "..."',
    "ssl_cert_reqs": "certificates are verified unless the setting verify = false says otherwise",
    "ssl_check_hostname": "host names are verified unless the setting verify = false says otherwise",
}
_POSTGRESQL_OPTIONS: Final[Mapping[str, str]] = {
    "sslmode": "use the settings tls and verify: left out, every host but this machine is reached by verified TLS",
    "ssl": "use the settings tls and verify: left out, every host but this machine is reached by verified TLS",
    "host": "write the host before the database: postgresql://user@host:5432/database",
    "port": "write the port after the host: postgresql://user@host:5432/database",
    "user": "write the user before the host: postgresql://user@host:5432/database",
    "dbname": "write the database after the host: postgresql://user@host:5432/database",
}
_REDIS_OPTIONS: Final[Mapping[str, str]] = {
    "db": "write the number of the database after the host: redis://host:6379/3",
    "username": "write the user before the host: redis://user@host:6379/0",
    "ssl": "write rediss:// for TLS",
}
_PASSWORDS: Final = frozenset({"password", "passwd", "pass", "sslpassword", "ssl_password", "auth"})
_LABEL: Final = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
REMOVE: Final = "remove it from the URL: the broker sets its own options"


class BadUrl(ValueError):
    """A store's URL that cannot be used: `what` is wrong with it, and the `fix`. Neither contains a password."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what}: {fix}")
        self.what = what
        self.fix = fix


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """A parsed store URL, percent-decoded. `database` is a name for PostgreSQL and a number for Redis."""

    scheme: str
    host: str
    port: int
    user: str | None
    database: str
    password: str | None = field(default=None, repr=False)

    @property
    def local(self) -> bool:
        """Whether the host is this machine itself, so that the traffic leaves no interface."""
        if self.host.lower().rstrip(".") == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def read_store_url(url: str, *schemes: str) -> StoreUrl:
    """Parses a URL with one of the schemes. Raises BadUrl with the first problem."""
    expected = f"write {' or '.join(_FORMS[scheme] for scheme in schemes)}"
    scheme = url.partition("://")[0]
    if scheme not in schemes:
        meant = _MEANT.get(scheme)
        raise BadUrl("no such store", f"write {meant}" if meant in map(_FORMS.get, schemes) else expected)
    if not re.fullmatch(r"[!-~]+", url):
        raise BadUrl("this is not a URL", f"percent-encode blanks and other characters, such as %20; {expected}")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BadUrl("this is not a URL", expected) from None
    _check_options(scheme, parts)
    if parts.fragment or url.endswith("#"):
        raise BadUrl("the URL has a fragment", "write # in a name as %23")
    if "%" in host or "," in parts.netloc:
        several = "write one host: a name that resolves to the primary, or a proxy"
        raise BadUrl("this host cannot be used", f"{several}; Unix sockets are not supported")
    if not host:
        raise BadUrl("the host is missing", expected)
    if not _is_host(host):
        raise BadUrl("this is not a host name", expected)
    if port == 0:
        raise BadUrl("there is no port 0", expected)
    database = _database(scheme, _decoded("the database", parts.path.removeprefix("/")))
    return StoreUrl(
        scheme,
        host,
        port or _PORTS[scheme],
        _decoded("the user", parts.username) if parts.username else None,
        database,
        None if parts.password is None else _decoded("the password", parts.password),
    )


def _is_host(host: str) -> bool:
    """Whether a string is an IP address or a host name (RFC 1035 2.3.4)."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return len(host) <= 253 and _HOST.fullmatch(host) is not None
    return True


def _decoded(name: str, text: str) -> str:
    """Percent-decodes a part. Raises BadUrl for invalid UTF-8 and control characters."""
    fix = "write a % itself as %25, and other characters in UTF-8, such as %C3%A9"
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise BadUrl(f"{name} is not percent-encoded", fix)
    try:
        plain = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise BadUrl(f"{name} is not UTF-8 text", fix) from None
    if not plain.isprintable():
        raise BadUrl(f"{name} contains control characters", "remove them")
    return plain


def _check_options(scheme: str, parts: SplitResult) -> None:
    """Rejects every option: settings replace them."""
    known = {**_CERTIFICATE_OPTIONS, **(_POSTGRESQL_OPTIONS if scheme == POSTGRESQL else _REDIS_OPTIONS)}
    for name, _ in parse_qsl(parts.query, keep_blank_values=True):
        if name.lower() in _PASSWORDS:
            fix = "put it into a separate file, and name the file with password_file"
            raise BadUrl("the URL contains a password", fix)
        name = name if re.fullmatch(r"[A-Za-z0-9_.-]{1,40}", name) else "..."
        raise BadUrl(f'the option "{name}" is not known in a URL', known.get(name.lower(), REMOVE))
    if parts.query:
        raise BadUrl("the URL has a query", REMOVE)


def _database(scheme: str, name: str) -> str:
    if scheme == POSTGRESQL:
        if not name:
            raise BadUrl("the database is missing", f"write {_FORMS[scheme]}")
        return name
    if name and not re.fullmatch(r"[0-9]{1,6}", name):
        raise BadUrl("a Redis database is a number", f"write {_FORMS[scheme]}")
    return name or "0"
