"""Files that the settings name and `portico keys init` still has to create, with their content."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from broker.model.service import Service
from broker.platform.operator_files import exists
from broker.settings.providers import ProviderEntry


class Content(StrEnum):
    """The content of a file."""

    CLIENT_SECRET = "client_secret"
    """A shared secret, as text."""
    PRIVATE_KEY = "private_key"
    """A private key of the broker, PEM."""
    PUBLIC_KEYS = "public_keys"
    """The public keys of a service, a JWK Set."""


@dataclass(frozen=True, slots=True)
class Missing:
    """One file that does not exist. `algorithm` is that of the key in it."""

    path: Path
    content: Content
    algorithm: str = "ES256"


def of_service(service: Service) -> Iterator[Missing]:
    """Missing files of a service."""
    named = service.credentials
    for path, content in ((named.secret_file, Content.CLIENT_SECRET), (named.jwks_file, Content.PUBLIC_KEYS)):
        if path is not None and not exists(path):
            yield Missing(path, content)


def of_provider(entry: ProviderEntry) -> Iterator[Missing]:
    """Missing files of a provider: the broker's private keys there, or a secret (`secret_file`).

    A new key for decryption is one on P-256, as for ES256.
    """
    secret = dict(entry.files()).get("secret_file")
    for key in entry.own_keys():
        if not exists(key.path):
            yield Missing(key.path, Content.PRIVATE_KEY, key.algorithm or "ES256")
    if secret is not None and not exists(secret):
        yield Missing(secret, Content.CLIENT_SECRET)
