"""Services that register by themselves become files like all others, and are taken as a reload takes files."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from broker.actions.register import Registrar
from broker.app.parts import Parts
from broker.app.reloading import Reader, Reloading
from broker.model.facts import Unavailable
from broker.toml import Problem
from broker.toml_text import document


class Everybody(Protocol):
    """Where all processes hear that there is something to read."""

    async def ask_reload(self, who: str, now: float) -> int:
        """Says so; it is audited."""
        ...


class Files:
    """The files of services in the folder of the configuration.

    A process that is killed while it looks at a new file leaves it there: if it is wrong, the next start names it.
    """

    def __init__(
        self, folder: Path, read: Reader, reloading: Reloading, everybody: Everybody, now: Callable[[], float]
    ) -> None:
        """`folder` holds the settings that `read` reads."""
        self._folder = folder / "services"
        self._read = read
        self._reloading = reloading
        self._everybody = everybody
        self._now = now
        self._one_at_a_time = asyncio.Lock()

    async def add(self, client_id: str, file: Mapping[str, Any]) -> Sequence[Problem]:
        """Writes the file and has everybody read it; takes it back where it is wrong, and says what is."""
        try:
            text = document(file)
        except ValueError as problem:
            return [Problem("", str(problem), "leave out what is no text, number, list or object")]
        async with self._one_at_a_time:
            path = self._folder / f"{client_id}.toml"
            await asyncio.to_thread(_place, path, text)
            problems = await asyncio.to_thread(self._read)
            if isinstance(problems, list):
                path.unlink()
                own = f"services/{path.name}"
                mine = [_inside(problem, own) for problem in problems if problem.path.startswith(own)]
                if not mine:
                    raise Unavailable("the configuration is wrong elsewhere")
                return mine
            await self._take(client_id)
        return ()

    async def remove(self, client_id: str) -> None:
        """Takes the file away and has everybody read again."""
        async with self._one_at_a_time:
            (self._folder / f"{client_id}.toml").unlink(missing_ok=True)
            await self._take(client_id)

    async def _take(self, client_id: str) -> None:
        """Here at once, elsewhere within seconds."""
        await self._everybody.ask_reload(f"registration:{client_id}", self._now())
        await self._reloading()


def registrar(parts: Parts, url: str, files: Files) -> Registrar:
    """What the registration endpoint at this URL works with."""
    return Registrar(
        url,
        parts.settings.broker.languages,
        files,
        lambda: parts.catalogue.services,
        parts.ambient,
        parts.sealer.mac,
        parts.sealer.mac_matches,
    )


def _place(path: Path, text: str) -> None:
    """The whole file or none."""
    path.parent.mkdir(exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)


def _inside(problem: Problem, file: str) -> Problem:
    return Problem(problem.path.removeprefix(file).removeprefix(": "), problem.what, problem.mend)
