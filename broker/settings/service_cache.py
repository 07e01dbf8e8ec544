"""Service cache: services whose files did not change since they were read and checked are not read again.

A reload, and a worker that was forked from the process that read the settings first, read only what changed: parsing
and checking a file takes a hundred times as long as its `stat`. A file counts as unchanged if its times, size and inode
are the same, and those of the key and secret files that it names.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from broker.model.service import Service
from broker.settings.check_context import CheckContext
from broker.settings.check_shared_secrets import StoredSecret
from broker.settings.sources import Source

YOUNGEST: Final = 2.0
"""Seconds since its last change from which a file is trusted: a change within one tick of the file system's clock shows
in none of its times."""

Signature = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class ServiceRead:
    """A service as its table says it, and the same service with the secret and the keys from the files it names."""

    written: Service
    service: Service

    def files(self) -> Iterable[str]:
        """The key and secret files that the service names."""
        named = self.written.credentials
        return (str(path) for path in (named.secret_file, named.jwks_file) if path is not None)


@dataclass(frozen=True, slots=True)
class CheckedService:
    """A service that passed every check of its own in a context, with the signatures of its files at that time."""

    source: Source
    read: ServiceRead
    secrets: tuple[StoredSecret, ...]
    context: CheckContext
    signatures: Mapping[str, Signature]


class ServiceCache:
    """The services of a folder as they were read last. One reading at a time stores into it."""

    def __init__(self, now: Callable[[], float], youngest: float = YOUNGEST) -> None:
        """Nothing was read yet. `now` is the clock of this machine, in seconds since 1970 UTC."""
        self.now = now
        self._youngest = youngest
        self.checked: Mapping[str, CheckedService] = {}
        """The services by the path of their file."""

    def unchanged(self, path: Path) -> CheckedService | None:
        """The service of a file, if neither the file nor those that it names changed."""
        known = self.checked.get(str(path))
        if known is None or any(signature(file) != before for file, before in known.signatures.items()):
            return None
        return known

    def sign(self, path: str, read: ServiceRead, began: float) -> Mapping[str, Signature] | None:
        """The signatures of a service's files; None if one of them changed so recently that it may change unseen.

        `began` is when the reading began.
        """
        found = {file: signature(file) for file in (path, *read.files())}
        newest = (began - self._youngest) * 1e9
        if any(each is None or max(each[:2]) > newest for each in found.values()):
            return None
        return {file: each for file, each in found.items() if each is not None}

    def replace(self, checked: Mapping[str, CheckedService]) -> None:
        """Stores what a reading found in place of what was known before."""
        self.checked = checked


def signature(path: str) -> Signature | None:
    """What changes with a file: times in nanoseconds, size, inode, device. None if it cannot be determined."""
    try:
        seen = os.stat(path)
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size, seen.st_ino, seen.st_dev


class CachedReading:
    """One reading of the settings with a cache, or without one."""

    def __init__(self, cache: ServiceCache | None) -> None:
        """`known` are the unchanged services that this reading met, by the name of their file in messages."""
        self.known: dict[str, CheckedService] = {}
        self._cache = cache
        self._began = 0.0 if cache is None else cache.now()

    def unchanged(self, path: Path) -> Source | None:
        """The source of a service's file that need not be read again."""
        checked = None if self._cache is None else self._cache.unchanged(path)
        if checked is None:
            return None
        self.known[checked.source.file] = checked
        return checked.source

    def keep(
        self,
        services: Iterable[tuple[Source, ServiceRead, tuple[StoredSecret, ...]]],
        place: Path,
        context: CheckContext,
    ) -> None:
        """Stores the services of files below the folder `place`, which all passed their checks."""
        if self._cache is None:
            return
        kept: dict[str, CheckedService] = {}
        folder = str(place)
        for source, read, secrets in services:
            path = f"{folder}/{source.file}"
            known = self.known.get(source.file)
            if known is not None:
                kept[path] = known if known.context == context else replace(known, context=context)
                continue
            signatures = self._cache.sign(path, read, self._began)
            if source.at == "" and source.file.startswith("services/") and signatures is not None:
                light = Source(source.file, "", {"client_id": read.service.client_id}, source.base)
                kept[path] = CheckedService(light, read, secrets, context, signatures)
        self._cache.replace(kept)
