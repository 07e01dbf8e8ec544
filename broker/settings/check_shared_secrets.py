"""Detection of shared keys and secrets: each has one owner, because its holder could use it in the other's name.

Copies are found by content: by the RFC 7638 thumbprint of the public key, whatever the encoding of the private key, and
by the SHA-256 of a secret's text. A file that is named twice is found by its path, also before it exists.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broker.crypto.jose import InvalidToken, pem_thumbprint, thumbprint
from broker.model.service import Service
from broker.platform.operator_files import content
from broker.platform.toml_loader import Problem
from broker.settings.check_notices import secret_files
from broker.settings.providers import ProviderEntry
from broker.settings.schema import BrokerSettings
from broker.settings.secret_files import read_secret

STORES: Final = "the connections to the stores"
"""Owner of the stores' client keys: one client certificate may serve both stores."""
PASSWORDS: Final = "a password of broker.toml"
"""Owner of passwords: those of stores and the SMTP server may be equal, if each has a file of its own."""


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """One key or secret: the setting that names it, its owner in words, and a mark that all its copies share.

    `service` is True for a credential of a service.
    """

    place: str
    owner: str
    mark: str
    service: bool = False


def copies(secrets: Iterable[StoredSecret], *, shared_by_services: bool = False) -> Iterator[Problem]:
    """A problem for each key or secret that another owner has too, once for each setting.

    With `shared_by_services` services may share theirs.
    """
    first: dict[str, StoredSecret] = {}
    named: set[str] = set()
    for one in secrets:
        known = first.setdefault(one.mark, one)
        if known.owner == one.owner or one.place in named:
            continue
        if shared_by_services and known.service and one.service:
            continue
        named.add(one.place)
        what = "uses the same file" if one.mark.startswith("file:") else f"has the same {one.mark.partition(':')[0]}"
        yield Problem(one.place, f"{known.owner} {what}", "give each a key or secret of its own, and register it")


def file_mark(path: Path) -> str:
    """The mark of a file: its real path, whether it exists or not."""
    return f"file:{os.path.realpath(path)}"


def key_mark(thumbprint: str) -> str:
    """The mark of a key in any encoding: its thumbprint."""
    return f"key:{thumbprint}"


def of_provider(entry: ProviderEntry, place: str = "") -> Iterator[StoredSecret]:
    """The broker's keys and secrets at a provider."""
    owner = f'the provider "{entry.id}"'
    keys = {key.setting for key in entry.own_keys()}
    for name, path in entry.secrets():
        for mark in _file(path, key=name in keys):
            yield StoredSecret(f"{place}{entry.kind}.{name}", owner, mark)


def of_service(written: Service, digest: str | None) -> Iterator[StoredSecret]:
    """The credentials of a service as its file names them. `digest` is the SHA-256 of the secret in its secret file.

    One key may sign and encrypt.
    """

    def credential(place: str, mark: str) -> StoredSecret:
        return StoredSecret(place, f'the service "{written.client_id}"', mark, service=True)

    named = written.credentials
    if named.secret_file is not None:
        yield credential("secret_file", file_mark(named.secret_file))
        if digest is not None:
            yield credential("secret_file", f"secret:{digest}")
    if named.secret_digest is not None:
        yield credential("secret_digest", f"secret:{named.secret_digest}")
    if named.jwks_uri is not None:
        yield credential("jwks_uri", f"jwks_uri:{named.jwks_uri}")


def of_keys(client_id: str, place: str, jwks: object) -> Iterator[StoredSecret]:
    """The public keys of a service."""
    members = jwks.get("keys") if isinstance(jwks, dict) else None
    for member in members if isinstance(members, list | tuple) else ():
        try:
            mark = key_mark(thumbprint(member))
        except (InvalidToken, AttributeError):
            continue  # unsupported: `credentials` reports it
        yield StoredSecret(place, f'the service "{client_id}"', mark, service=True)


def of_broker(broker: BrokerSettings) -> Iterator[StoredSecret]:
    """The passwords, tokens and keys that broker.toml names."""
    for place, path in (
        ("database.password_file", broker.database.password_file),
        ("ephemeral.password_file", broker.ephemeral.password_file),
        ("ephemeral.sentinel_password_file", broker.ephemeral.sentinel_password_file),
        ("metrics.token_file", broker.metrics.token_file),
        ("scim.token_file", None if broker.scim is None else broker.scim.token_file),
        *secret_files(broker.notifications),
    ):
        if path is not None:
            first, *content = _file(path, key=False)
            yield StoredSecret(place, place, first)
            yield from (StoredSecret(place, PASSWORDS, mark) for mark in content)
    for place, path in (
        ("database.key_file", broker.database.key_file),
        ("ephemeral.key_file", broker.ephemeral.key_file),
    ):
        if path is not None:
            yield from (StoredSecret(place, STORES, mark) for mark in _file(path, key=True))


def _file(path: Path, *, key: bool) -> Iterator[str]:
    """The marks of a file. One that is missing or unusable has only its path: other checks report it."""
    yield file_mark(path)
    try:
        found = pem_thumbprint(content(path)) if key else hashlib.sha256(read_secret(path).encode()).hexdigest()
    except (OSError, ValueError):
        return
    yield key_mark(found) if key else f"secret:{found}"
