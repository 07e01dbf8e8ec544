"""Brokers and servers whose clock runs wrong: each under `faketime`, beside the broker of these tests."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.processes import PATIENCE, started
from tests.e2e.raw_client import HttpSender
from tests.support.ports import LOOPBACK, free_port
from tests.support.program import BrokerProgram, Program

MONOTONIC = {"FAKETIME_DONT_FAKE_MONOTONIC": "1"}
"""The wall clock alone is wrong, as on a machine whose clock was set."""


@dataclass(frozen=True, slots=True)
class Second:
    """A second broker on the stores of the first, at another address."""

    program: Program
    url: str
    http_sender: HttpSender

    async def ready(self) -> Mapping[str, Any]:
        """Response of its /readyz, with the HTTP status under `status`."""
        reply = await self.http_sender.send("GET", f"{self.url}/readyz")
        return {"status": reply.status, **reply.json}

    def logged(self, *events: str) -> Sequence[Mapping[str, Any]]:
        """The log lines of these events, in their order."""
        lines = [json.loads(line) for line in self.program.output.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] in events]


def fake_library() -> Path:
    """The library that `faketime` puts before a program."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


def shifting(file: Path) -> Mapping[str, str]:
    """Environment of a program whose clock is shifted by the content of a file, such as `+2h`."""
    return {
        "LD_PRELOAD": str(fake_library()),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        **MONOTONIC,
    }


@asynccontextmanager
async def second(
    folder: Path,
    public: str,
    http_sender: HttpSender,
    shift: str | None = None,
    env: Mapping[str, str] = MONOTONIC,
) -> AsyncIterator[Second]:
    """Runs it until the block ends: one worker with the configuration in the folder, its clock off by `shift`.

    The library is loaded without the program `faketime`, which passes no signal on: the broker would outlive the test.
    `public` is the address of the first broker, `listen.public` of its file.
    """
    port = free_port()
    config = folder / f"config-{port}"
    shutil.copytree(folder / "config", config)
    file = config / "broker.toml"
    lines = file.read_text().replace(f'public = "{public}"', f'public = "{LOOPBACK}:{port}"').splitlines()
    file.write_text("\n".join("workers = 1" if line.startswith("workers") else line for line in lines))
    faked = {"LD_PRELOAD": str(fake_library()), "FAKETIME": shift} if shift is not None else {}
    program = BrokerProgram(
        ["serve", "--config", config, "--listener", "public"],
        ready=lambda program: started(program.output, 1),
        env={**env, **faked},
        folder=Path.cwd(),
    )
    await asyncio.to_thread(program.start, PATIENCE)
    try:
        yield Second(program, f"http://{LOOPBACK}:{port}", http_sender)
    finally:
        await asyncio.to_thread(program.stop, within=PATIENCE)
