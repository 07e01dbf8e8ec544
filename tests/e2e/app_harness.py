"""The whole product on free ports of this machine: broker, console, sample service and simulated providers."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import uvicorn

from broker import wiring
from broker.demo.run import WORLD_FILE, DemoApplication, Ports, configured, demo_applications, lay_out
from broker.demo.world import ABERLAN, read_world
from broker.platform import system
from broker.platform.system import System
from broker.wiring import Container
from tests.e2e.logout_services import ReceivedLogouts, Receiver
from tests.support.configuration import in_two_languages
from tests.support.ports import LOOPBACK, free_ports


@dataclass(frozen=True, slots=True)
class Addresses:
    """Ports of the broker and of its companions."""

    ports: Ports

    @property
    def issuer(self) -> str:
        """The broker."""
        return self.ports.url(0)

    @property
    def console(self) -> str:
        """The staff console."""
        return self.ports.url(1)

    @property
    def service(self) -> str:
        """The sample relying service."""
        return self.ports.url(2)

    @property
    def providers(self) -> str:
        """The simulated providers."""
        return self.ports.url(3)


@dataclass(frozen=True, slots=True)
class Stage(Addresses):
    """Everything that runs in this process, with its addresses."""

    parts: Container
    folder: Path

    async def providers_work(self) -> bool:
        """Whether every provider was found to work: the first check may have come before they listened."""
        healths = self.parts.monitoring.health_monitor.healths().values()
        return all(health.working and health.checked is not None for health in healths)


class Ahead:
    """The machine's clock, which a test may put forward."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._passed = 0.0

    def now(self) -> float:
        """Seconds since 1970 UTC."""
        return time.time() + self._seconds

    def advance(self, seconds: float) -> None:
        """So much time passes, by every clock."""
        self._seconds += seconds
        self._passed += seconds

    def jump(self, seconds: float) -> None:
        """The machine's clock jumps, forwards or backwards; no time passes."""
        self._seconds += seconds

    def tick(self) -> float:
        """What the monotonic clock shows."""
        return time.perf_counter() + self._passed

    @property
    def system(self) -> System:
        """This clock, and the machine's own chance."""
        return System(now=self.now, random_bytes=system.real_system().random_bytes, monotonic=self.tick)


@dataclass(frozen=True, slots=True)
class Script:
    """How a stage differs from the example configuration.

    `edits` maps a file to replacements of its text; `files` are further files and their content. `world` is another
    example configuration.
    """

    edits: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    world: str | None = None


def on_stores(database: str, redis: str) -> Mapping[str, str]:
    """The edits of broker.toml that put the example configuration on PostgreSQL and Redis."""
    return {'url = "sqlite:../.demo/facts.db"': f'url = "{database}"', 'url = "memory:"': f'url = "{redis}"'}


def laid_out(folder: Path, script: Script) -> Path:
    """A copy of the example configuration in a folder, as the script has it.

    With further files it is in two languages: they are not written in more.
    """
    config = folder / "config"
    lay_out(config, script.world)
    if script.files and script.world is None:
        in_two_languages(config)
    for name, content in script.files.items():
        (config / name).write_text(content, "utf-8")
    for name, changes in script.edits.items():
        file = config / name
        text = file.read_text("utf-8")
        for old, new in changes.items():
            if old not in text:
                raise ValueError(f"{name} does not hold {old!r}")
            text = text.replace(old, new)
        file.write_text(text, "utf-8")
    return config


@asynccontextmanager
async def staged(
    folder: Path, script: Script = Script(), given: System | None = None, logouts: ReceivedLogouts | None = None
) -> AsyncIterator[Stage]:
    """Runs all of it in this process until the block ends, with its data in the folder.

    `given` is time and chance in place of the machine's own, for the broker and the simulated providers; the sample
    service keeps the machine's. `logouts` records the logout requests that the services receive.
    """
    ports, real = Ports(free_ports(4)), given or system.real_system()
    config = laid_out(folder, script)
    world = ABERLAN if script.world is None else read_world(config / WORLD_FILE)
    settings = configured(ports, real, config)
    await wiring.migrate_schema(settings)
    async with (
        wiring.open_container(settings, real) as parts,
        serving(*_with_receiver(demo_applications(parts, ports, world), logouts)),
    ):
        yield Stage(ports, parts, folder)


def _with_receiver(stand: Sequence[DemoApplication], logouts: ReceivedLogouts | None) -> Sequence[DemoApplication]:
    if logouts is None:
        return stand
    return [
        replace(one, application=Receiver(one.application, logouts)) if one.name == "sample service" else one
        for one in stand
    ]


@asynccontextmanager
async def serving(*stand: DemoApplication, **more: Any) -> AsyncIterator[None]:
    """Serves applications until the block ends. `more` is what uvicorn takes, such as the files of a certificate."""
    servers = [
        uvicorn.Server(uvicorn.Config(one.application, LOOPBACK, one.port, lifespan="off", log_config=None, **more))
        for one in stand
    ]
    for server in servers:
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]
    tasks = [asyncio.ensure_future(server.serve()) for server in servers]
    while not all(server.started for server in servers):
        await asyncio.sleep(0.01)
        for task in tasks:
            if task.done():
                task.result()
                raise RuntimeError("a server ended before it had started")
    try:
        yield
    finally:
        for server in servers:
            server.should_exit = True
            server.force_exit = True
        await asyncio.gather(*tasks)
