"""Settings reload: services, providers and staff are replaced while the broker runs, all of them or none."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from broker.platform.toml_loader import Problem
from broker.settings import Settings
from broker.settings.diff import SettingsChanges, apply_reload, check_reload
from broker.wiring.provider_builds import UNBUILDABLE, PreparedProviders, UnusableProvider
from broker.wiring.registry import Registry

LOG = logging.getLogger("portico.app")

SWITCH_INTERVAL = 0.0005
"""Seconds after which a thread that reads settings gives up the interpreter's lock if the event loop waits for it."""

RETRY_DELAY = 2.0
"""Seconds between two attempts to load settings that were invalid."""

Reader = Callable[[], Settings | list[Problem]]
"""Loads the settings, or returns their problems. It is slow and runs in a thread."""


@dataclass(frozen=True, slots=True)
class SettingsWatch:
    """Reload steps by name, run in order at SIGHUP. A step that finds a fault logs it and keeps its present state."""

    readings: dict[str, Callable[[], Awaitable[object]]] = field(default_factory=dict)

    async def __call__(self) -> None:
        """Runs every step. A step that fails does not stop the others."""
        LOG.info("reload_started", extra={"what": list(self.readings)})
        for name, reading in self.readings.items():
            try:
                await reading()
            except Exception:  # the sender of the signal cannot receive an error, and the other steps follow
                LOG.exception("reload_step_failed", extra={"what": name})


class ReloadRequests(Protocol):
    """The shared counter of reload requests."""

    async def reloads(self) -> int:
        """Number of requests so far."""
        ...


class ConfigurationMetric(Protocol):
    """The metric of the reload that is in force."""

    def configuration(self, version: int) -> None:
        """Sets the number of the request whose settings are in force."""
        ...


class SettingsReloader:
    """Loads the settings again and applies their services, providers and staff, or keeps the present ones if any is
    invalid."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        read: Reader,
        requests: ReloadRequests,
        metric: ConfigurationMetric,
    ) -> None:
        """`settings` are those that the registry holds already."""
        self._settings = settings
        self._registry = registry
        self._read = read
        self._requests = requests
        self._metric = metric
        self._seen: int | None = None
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self) -> None:
        """Reloads now. Logs every problem with its place and fix."""
        async with self._one_at_a_time:
            asked = self._seen or 0
            with _responsive_loop():
                loaded = await asyncio.to_thread(self._prepared)
            if isinstance(loaded, list):
                log_problems(loaded)
                return
            settings, changes, prepared = loaded
            if changes.applicable or prepared.changed:
                self._registry.replace_all(settings, prepared)
                self._settings = settings
            _log_changes(changes, prepared.changed, asked)
            self._metric.configuration(asked)

    async def is_requested(self) -> bool:
        """True if a reload was requested since the last call.

        The first call also returns True if one was ever requested: perhaps after this process loaded its files.
        """
        asked = await self._requests.reloads()
        new = asked != (self._seen or 0)
        if self._seen is None and not new:
            self._metric.configuration(asked)
        self._seen = asked
        return new

    def _prepared(self) -> tuple[Settings, SettingsChanges, PreparedProviders] | list[Problem]:
        loaded = self._read()
        if isinstance(loaded, list):
            return loaded
        settings, changes = apply_reload(self._settings, loaded)
        if problems := list(check_reload(settings, loaded)):
            return problems
        try:
            return settings, changes, self._registry.prepare(settings)
        except UnusableProvider as unusable:
            return [Problem(f"provider {unusable.provider}", unusable.problem, UNBUILDABLE)]


@contextmanager
def _responsive_loop() -> Iterator[None]:
    """Lets the event loop interrupt a thread that computes sooner than usual.

    Each of its turns waits for that thread to give up the interpreter's lock: 5 ms by default, and a request has many.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


async def wait_for_valid(reader: Reader) -> Settings:
    """Waits until the settings are valid, and returns them.

    Needed by a worker that replaces an ended one while an operator edits the files; the other workers keep serving.
    """
    logged: list[Problem] = []
    while True:
        loaded = await asyncio.to_thread(reader)
        if not isinstance(loaded, list):
            return loaded
        if loaded != logged:
            log_problems(loaded)
        logged = loaded
        await asyncio.sleep(RETRY_DELAY)


def log_problems(problems: Iterable[Problem]) -> None:
    """Logs each problem, and that the settings were refused."""
    problems = list(problems)
    for problem in problems:
        LOG.error("setting_invalid", extra={"place": problem.path, "what": problem.what, "fix": problem.fix})
    LOG.error("configuration_refused", extra={"problems": len(problems)})


def _log_changes(changes: SettingsChanges, rebuilt: tuple[str, ...], version: int) -> None:
    LOG.info(
        "configuration_applied",
        extra={
            "version": version,
            "added": changes.added,
            "changed": changes.changed,
            "removed": changes.removed,
            "providers_added": changes.providers_added,
            "providers_changed": rebuilt,
            "providers_removed": changes.providers_removed,
            "policies": changes.policies,
            "staff": changes.staff,
        },
    )
    for client_id in changes.sectors:
        # every citizen has another `sub` at this service from now on, so that it recognises none of them
        LOG.warning("sector_changed", extra={"client_id": client_id})
    if changes.waiting:
        LOG.warning("restart_required", extra={"what": changes.waiting})
