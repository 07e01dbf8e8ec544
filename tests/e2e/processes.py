"""The broker as an operator runs it: `portico serve` in processes of its own, on real PostgreSQL and Redis."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from broker import wiring
from broker.demo.run import DemoApplication, Ports, configured, sample, simulator
from broker.demo.world import ABERLAN
from broker.platform import system
from broker.settings import Settings
from tests.e2e.app_harness import Addresses, Script, laid_out, on_stores, serving
from tests.support.ports import free_ports
from tests.support.program import BrokerProgram, Program

PATIENCE = 90
"""Seconds that the workers may take to start: the machine may be busy with something else."""


@dataclass(frozen=True, slots=True)
class Running(Addresses):
    """A broker in processes of its own, with the sample service and the simulated providers in this one."""

    settings: Settings
    folder: Path
    program: Program

    def workers(self) -> list[int]:
        """The ids of the processes that the supervisor forked: the workers, and the staff process if it serves both."""
        children = Path(f"/proc/{self.program.pid}/task/{self.program.pid}/children").read_text().split()
        return [int(child) for child in children]


def on_servers(database: str, redis: str, workers: int) -> Script:
    """The example configuration on PostgreSQL and Redis, with several workers."""
    return Script(
        edits={
            "broker.toml": {
                **on_stores(database, redis),
                "workers = 1": f"workers = {workers}",
                "[keys]": '[metrics]\nfolder = "../.demo/metrics"\n\n[keys]',
            }
        }
    )


def started(output: str, workers: int) -> bool:
    """True if every process has logged that it listens."""
    if workers > 1:
        return output.count("Application startup complete") >= workers
    return "Uvicorn running" in output


@asynccontextmanager
async def run(
    folder: Path, script: Script, *doors: str, env: Mapping[str, str] | None = None
) -> AsyncIterator[Running]:
    """Migrates, serves, and ends it all with the block. `doors` are further arguments of `serve`, `env` what is added
    to its environment. Fails at the end if a request ended with an unhandled exception.
    """
    ports = Ports(free_ports(4))
    config = laid_out(folder, script)
    for file in config.rglob("*.toml"):
        text = file.read_text("utf-8")
        for old, new in ports.origins.items():
            text = text.replace(old, new)
        file.write_text(text, "utf-8")
    settings = configured(Ports(8000), system.real_system(), config)
    (folder / ".demo" / "metrics").mkdir(exist_ok=True)
    await wiring.migrate_schema(settings)
    program = BrokerProgram(
        ["serve", "--config", config, *doors],
        ready=lambda program: started(program.output, settings.broker.listen.workers),
        folder=Path.cwd(),
        env=env,
    )
    outbox = settings.broker.notifications.outbox or folder
    demo_applications = (
        DemoApplication("sample service", ports.first + 2, sample(settings, ports, outbox, ABERLAN)),
        DemoApplication("simulated providers", ports.first + 3, simulator(settings, ports, system.real_system())),
    )
    async with serving(*demo_applications):
        await asyncio.to_thread(program.start, PATIENCE)
        try:
            yield Running(ports, settings, folder, program)
        finally:
            await asyncio.to_thread(program.stop, within=PATIENCE)
    failed = [line for line in program.output.splitlines() if '"request_failed"' in line]
    assert not failed, "\n".join(failed)
