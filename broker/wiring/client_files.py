"""Files of dynamically registered clients: written beside the other services and applied by a reload."""

import asyncio
import logging
import os
import socket
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from broker.model.json_types import JsonObject
from broker.model.service import SELF_REGISTERED_PREFIX
from broker.model.store_results import StoreUnavailable
from broker.platform.toml_loader import Problem
from broker.platform.toml_writer import dumps
from broker.settings import Settings, Source
from broker.settings.renamed_keys import SERVICE, is_self_registered, rename
from broker.wiring.settings_reload import SettingsReloader

LOG = logging.getLogger("portico.app")

Validator = Callable[[Source], Settings | list[Problem]]
"""Reads the settings as they would be with one more service. It takes long, and runs in a thread."""


class ReloadBroadcast(Protocol):
    """The shared counter of reload requests, which every process polls."""

    async def ask_reload(self, actor: str, now: float) -> int:
        """Adds a request, with an audit row."""
        ...


class ClientFiles:
    """The files of services in the folder of the configuration. An invalid one never has a name there."""

    def __init__(
        self,
        folder: Path,
        validate: Validator,
        reloader: SettingsReloader,
        reloads: ReloadBroadcast,
        services: Callable[[], Mapping[str, object]],
        now: Callable[[], float],
    ) -> None:
        """`folder` holds the settings; `services` are the services in force here, by client id."""
        self._folder = folder / "services"
        self._validate = validate
        self._reloader = reloader
        self._reloads = reloads
        self._services = services
        self._now = now
        self._one_at_a_time = asyncio.Lock()

    async def add(self, client_id: str, file: JsonObject) -> Sequence[Problem]:
        """Writes the file and requests a reload by every process, or returns its problems."""
        try:
            text = dumps(file)
        except ValueError as problem:
            return [Problem("", str(problem), "leave out what is no text, number, list or object")]
        path = self._folder / f"{client_id}.toml"
        async with self._one_at_a_time:
            table = {"client_id": client_id, **tomllib.loads(text)}
            checked = await asyncio.to_thread(self._validate, Source(f"services/{path.name}", "", table, self._folder))
            if isinstance(checked, list):
                return _about(checked, f"services/{path.name}")
            try:
                await asyncio.to_thread(_place, path, text)
                await self._take(client_id)
                if client_id not in self._services():
                    raise StoreUnavailable("the configuration was not taken")
            except BaseException as fault:  # no caller knows the service yet, so its file is removed after any fault
                path.unlink(missing_ok=True)
                if isinstance(fault, OSError):
                    LOG.error("client_registration_failed", extra={"place": str(path), "problem": str(fault)})
                    raise StoreUnavailable(f"{path} cannot be written") from None
                raise
        return ()

    async def text(self, client_id: str) -> str:
        """The settings file of a service; "" if there is none."""
        path = self._folder / f"{client_id}.toml"
        try:
            return await asyncio.to_thread(path.read_text, "utf-8")
        except FileNotFoundError:
            return ""

    async def remove(self, client_id: str) -> None:
        """Removes the file and requests a reload by every process. Raises StoreUnavailable if the service stays in
        force."""
        async with self._one_at_a_time:
            (self._folder / f"{client_id}.toml").unlink(missing_ok=True)
            await self._take(client_id)
            if client_id in self._services():
                raise StoreUnavailable("the configuration was not taken")

    async def _take(self, client_id: str) -> None:
        """Here at once, elsewhere within seconds."""
        await self._reloads.ask_reload(f"registration:{client_id}", self._now())
        await self._reloader()


def rewrite_renamed(folder: Path) -> None:
    """Rewrites the files of services that registered themselves with an earlier release: old keys become current ones.

    Several processes may do this at once: each writes the same content, and moves it into place whole.
    """
    for path in sorted((folder / "services").glob(f"{SELF_REGISTERED_PREFIX}*.toml")):
        if not is_self_registered(f"services/{path.name}"):
            continue
        try:
            table, renamed = rename(tomllib.loads(path.read_text("utf-8")), SERVICE)
            if renamed:
                _place(path, dumps(table))
                LOG.info("client_file_rewritten", extra={"place": str(path)})
        except (OSError, ValueError) as fault:  # the file is read with its old keys until it can be rewritten
            LOG.warning("client_file_not_rewritten", extra={"place": str(path), "problem": str(fault)})


def _place(path: Path, text: str) -> None:
    """The whole file or none. The name of the new file is this process's alone, as hosts may share the folder."""
    path.parent.mkdir(exist_ok=True)
    new = path.with_suffix(f".{socket.gethostname()}-{os.getpid()}.new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)


def _about(problems: Sequence[Problem], file: str) -> Sequence[Problem]:
    """The problems of this file, with their places in it. Raises StoreUnavailable if only other files have some."""
    mine = [problem for problem in problems if problem.path.startswith(file)]
    if not mine:
        raise StoreUnavailable("the configuration is wrong elsewhere")
    return [Problem(one.path.removeprefix(file).removeprefix(": "), one.what, one.fix) for one in mine]
