"""Services are read again while the broker runs: whole, or not at all."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from broker.crypto.jose import KeySet
from broker.platform.toml_loader import Problem
from broker.settings import Settings
from broker.settings.diff import SettingsChanges, apply_reload, check_reload
from broker.wiring.admin import read
from broker.wiring.registry import Registry, key_sets

LOG = logging.getLogger("portico.app")

RETRY_DELAY = 2.0
"""Seconds between two looks whether settings that were wrong have been mended."""

Reader = Callable[[], Settings | list[Problem]]
"""Reads the settings from where they stand, or says what is wrong with them. It takes long, and runs in a thread."""


class ReloadRequests(Protocol):
    """Where operators say that everybody should read again."""

    async def reloads(self) -> int:
        """How often it was said so far."""
        ...


class ConfigurationMetric(Protocol):
    """Where operators see which reading is in force."""

    def configuration(self, version: int) -> None:
        """All that was asked for up to this is taken."""
        ...


class SettingsReloader:
    """Reads the settings again and takes the services and policies in them, or keeps all it had."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        read: Reader,
        requests: ReloadRequests,
        metric: ConfigurationMetric,
    ) -> None:
        """`settings` are those that the catalogue has taken already."""
        self._settings = settings
        self._registry = registry
        self._read = read
        self._requests = requests
        self._metric = metric
        self._seen: int | None = None
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self) -> None:
        """Reads now. Logs every problem with its place and fix."""
        async with self._one_at_a_time:
            asked = self._seen or 0
            loaded = await asyncio.to_thread(self._prepared)
            if isinstance(loaded, list):
                log_problems(loaded)
                return
            settings, changes, keys = loaded
            if (changes.added, changes.changed, changes.removed, changes.policies) != ((), (), (), ()):
                self._registry.replace_all(settings, keys)
                self._settings = settings
            _log_changes(changes, asked)
            self._metric.configuration(asked)

    async def is_requested(self) -> bool:
        """Whether it was said, since the last look, that everybody should read again.

        The first look says so too if it was ever said: perhaps after this process had read its files.
        """
        asked = await self._requests.reloads()
        new = asked != (self._seen or 0)
        if self._seen is None and not new:
            self._metric.configuration(asked)
        self._seen = asked
        return new

    def _prepared(self) -> tuple[Settings, SettingsChanges, Mapping[str, KeySet]] | list[Problem]:
        loaded = self._read()
        if isinstance(loaded, list):
            return loaded
        settings, changes = apply_reload(self._settings, loaded)
        if problems := list(check_reload(settings)):
            return problems
        return settings, changes, key_sets(settings)


async def wait_for_valid(place: Path) -> Settings:
    """The settings at a place, as soon as they are right.

    For a worker that starts in the place of one that fell while files are half edited: the others go on meanwhile.
    """
    logged: list[Problem] = []
    while True:
        loaded = await asyncio.to_thread(read, place)
        if not isinstance(loaded, list):
            return loaded
        if loaded != logged:
            log_problems(loaded)
        logged = loaded
        await asyncio.sleep(RETRY_DELAY)


def log_problems(problems: Iterable[Problem]) -> None:
    """Logs what is wrong, a line for each problem, and that nothing of it is taken."""
    problems = list(problems)
    for problem in problems:
        LOG.error("setting_invalid", extra={"place": problem.path, "what": problem.what, "fix": problem.fix})
    LOG.error("configuration_refused", extra={"problems": len(problems)})


def _log_changes(changes: SettingsChanges, version: int) -> None:
    LOG.info(
        "configuration_applied",
        extra={
            "version": version,
            "added": changes.added,
            "changed": changes.changed,
            "removed": changes.removed,
            "policies": changes.policies,
        },
    )
    for client_id in changes.sectors:
        # every citizen has another `sub` there from now on: the service takes all of them for strangers
        LOG.warning("sector_changed", extra={"client_id": client_id})
    if changes.waiting:
        LOG.warning("restart_required", extra={"what": changes.waiting})
