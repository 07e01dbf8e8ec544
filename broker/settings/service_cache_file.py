"""Service cache in a file: a start reads the services of files that did not change since another start checked them.

The file holds what the settings say, no secret, and is trusted as they are: it is ignored unless it belongs to the
broker's user or to root, and no other user may write it. It is for the code that wrote it alone, since another release
may check more.
"""

import hashlib
import logging
import os
import stat
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from broker.model.json_types import JsonObject
from broker.model.service import Service
from broker.settings.check_context import CheckContext
from broker.settings.check_shared_secrets import StoredSecret
from broker.settings.service_cache import CheckedService, ServiceCache, ServiceRead, Signature
from broker.settings.sources import Source

LOG: Final = logging.getLogger("portico.app")


@dataclass(frozen=True, slots=True)
class StoredService:
    """One service of the cache. `secret_digest` and `jwks` are those of the files that it names."""

    path: str
    file: str
    written: Service
    secret_digest: str | None
    jwks: JsonObject | None
    secrets: tuple[StoredSecret, ...]
    signatures: Mapping[str, Signature]


@dataclass(frozen=True, slots=True)
class StoredCache:
    """The content of the file. `code` is the digest of the code that read and checked the services."""

    code: str
    context: CheckContext
    services: tuple[StoredService, ...]


def restore(services: ServiceCache, file: Path) -> None:
    """Fills an empty cache from its file. A file that is missing, or cannot be used, leaves it empty."""
    try:
        with file.open("rb") as opened:
            seen = os.fstat(opened.fileno())
            if seen.st_uid not in (0, os.getuid()) or seen.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                LOG.warning("settings_cache_ignored", extra={"place": str(file), "problem": "others may write it"})
                return
            stored = msgspec.json.decode(opened.read(), type=StoredCache, dec_hook=_decoded)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as problem:
        LOG.warning("settings_cache_ignored", extra={"place": str(file), "problem": type(problem).__name__})
        return
    if stored.code == code_digest():
        bases: dict[str, Path] = {}
        services.replace({one.path: _checked(one, stored.context, bases) for one in stored.services})


def store(services: ServiceCache, file: Path) -> None:
    """Writes the cache into its file, whole or not at all. A failure is logged: the next start reads every file."""
    checked = services.checked
    if not checked:
        return
    context = next(iter(checked.values())).context
    stored = StoredCache(code_digest(), context, tuple(_stored(path, one) for path, one in checked.items()))
    try:
        # a name of its own: brokers in two containers that share the folder may have the same process id
        descriptor, new = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
        try:
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(msgspec.json.encode(stored, enc_hook=str))
            os.replace(new, file)
        except OSError:
            os.unlink(new)
            raise
    except OSError as problem:
        LOG.warning("settings_cache_not_written", extra={"place": str(file), "problem": problem.strerror})


@cache
def code_digest() -> str:
    """The digest of the code that reads and checks services."""
    broker = Path(__file__).parents[1]
    sources: Iterable[Path] = sorted(
        (*broker.glob("settings/*.py"), *broker.glob("model/*.py"), *broker.glob("platform/toml_*.py"))
    )
    total = hashlib.sha256()
    for source in sources:
        total.update(hashlib.sha256(source.read_bytes()).digest())
    return total.hexdigest()


def _stored(path: str, one: CheckedService) -> StoredService:
    credentials = one.read.service.credentials
    return StoredService(
        path,
        one.source.file,
        one.read.written,
        credentials.secret_digest,
        credentials.jwks,
        one.secrets,
        one.signatures,
    )


def _checked(one: StoredService, context: CheckContext, bases: dict[str, Path]) -> CheckedService:
    written = one.written
    folder = os.path.dirname(one.path)
    base = bases.get(folder) or bases.setdefault(folder, Path(folder))
    source = Source(one.file, "", {"client_id": written.client_id}, base)
    named = written.credentials
    service = written
    if (named.secret_digest, named.jwks) != (one.secret_digest, one.jwks):
        service = replace(written, credentials=replace(named, secret_digest=one.secret_digest, jwks=one.jwks))
    return CheckedService(source, ServiceRead(written, service), one.secrets, context, one.signatures)


def _decoded(kind: type, value: Any) -> Any:
    """A value of a type that JSON has none for."""
    return Path(value) if kind is Path else value
