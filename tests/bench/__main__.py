"""`make bench`: measure, print, and compare with what is aimed at.

python -m tests.bench [ROUNDS]        or        make bench ROUNDS=5
"""

import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from tests.bench import cpu, load, providers, report
from tests.bench.journeys import Visit, right
from tests.bench.load import AT_ONCE, Sample
from tests.bench.raw_http import Unexpected, get
from tests.bench.servers import Server, running
from tests.bench.signing import Key, verified

USUAL_ROUNDS = 5
BUSY = 2.0
"""Seconds of the server's processor time in one sample."""
WARM = 10.0
"""Seconds for which every product is driven before anything is read off."""
TOGETHER = 20 * AT_ONCE
"""Sign-ins that go through each step together, where requests are told apart."""
VERIFICATIONS = 2000
TRIES = 5


@dataclass(slots=True)
class Readings:
    """All that was read off one server."""

    samples: list[Sample] = field(default_factory=list)
    steps: dict[str, list[float]] = field(default_factory=dict)

    def note(self, costs: dict[str, float]) -> None:
        """One more reading of each kind of request."""
        for name, cost in costs.items():
            self.steps.setdefault(name, []).append(cost)


async def refresh(visit: Visit) -> None:
    """A new access token."""
    right(await visit.call("POST", "/token", lambda: visit.client.refreshment(visit.refresh)), 200)


async def discovery(visit: Visit) -> None:
    """The metadata."""
    right(await visit.server.send(get(visit.host, "/.well-known/openid-configuration")), 200)


async def segments(server: Server, count: int = TOGETHER) -> dict[str, float]:
    """CPU of each kind of request (ms). Repeated if the server rejected one of the many with 503."""
    for _ in range(TRIES):
        try:
            return await measure_separately(server, count)
        except Unexpected as unexpected:
            if unexpected.reply.status != 503:
                raise
            await asyncio.sleep(1)
    raise RuntimeError(f"{server.product.name} turned sign-ins away {TRIES} times: the machine is too busy to measure")


async def measure_separately(server: Server, count: int) -> dict[str, float]:
    """CPU of each kind of request (ms); at the broker also of those that are no part of a sign-in."""
    costs, visits = await load.by_step(server, count)
    if server.product.name.startswith("portico"):
        costs["(refresh)"] = await load.together(server, visits, refresh)
        costs["(discovery)"] = await load.together(server, visits, discovery)
    return costs


def verifications() -> float:
    """CPU in ms of one raw ES256 verification: of 2,000 of them."""
    key = Key()
    token = key.sign(key.head(), {"iss": "bench", "sub": "bench", "exp": int(time.time())})
    public = key.private.public_key()
    start = time.process_time()
    for _ in range(VERIFICATIONS):
        verified(token, public)
    return 1000 * (time.process_time() - start) / VERIFICATIONS


async def measure(servers: list[Server], rounds: int) -> report.Results:
    """Warms every product, then takes samples in turn, so that a slow minute of the machine meets all of them."""
    readings = {server.product.name: Readings() for server in servers}
    raw: list[float] = []
    for server in servers:
        say(f"warming {server.product.name}")
        await warm(server)
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        raw.append(verifications())
        for server in servers[:: -1 if number % 2 else 1]:
            readings[server.product.name].samples.append(await load.closed(server, BUSY))
        for server in servers:
            readings[server.product.name].note(await segments(server))
    say("latency")
    first = servers[0]
    rate = load.middle([sample.rate for sample in readings[first.product.name].samples])
    waits = {}
    for share in (0.25, 0.5, 0.75):
        waits[share] = await load.opened(first, share * rate, 5.0, random.Random(1))
    return report.Results(
        rounds=rounds,
        verification=load.middle(raw),
        products=[
            report.Product(
                server.product.name,
                server.product.includes,
                [sample.cpu for sample in readings[server.product.name].samples],
                load.middle([sample.rate for sample in readings[server.product.name].samples]),
                max(sample.driver for sample in readings[server.product.name].samples),
                sum(sample.turned_away for sample in readings[server.product.name].samples),
                {name: load.middle(costs) for name, costs in readings[server.product.name].steps.items()},
            )
            for server in servers
        ],
        memory=cpu.resident(first.program.pid),
        waits={share: load.middle(times) for share, times in waits.items()},
        kinds={kind: await providers.cost(kind) for kind in providers.KINDS},
    )


async def warm(server: Server) -> None:
    """Drives a server until it runs as it will."""
    until = time.perf_counter() + WARM
    while time.perf_counter() < until:
        await load.closed(server, BUSY)


def say(text: str) -> None:
    """Prints progress to standard error."""
    print(f"  {text}", file=sys.stderr, flush=True)


def main() -> int:
    """Measures and prints; 1 if the driver was too busy for the figures to mean anything."""
    # SIGTERM to the measurement ends the servers too
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    rounds = int(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ROUNDS", str(USUAL_ROUNDS)))
    with tempfile.TemporaryDirectory(prefix="portico-bench-") as folder, running(Path(folder)) as servers:
        try:
            results = uvloop.run(measure(servers, rounds))
        except Exception:
            for server in servers:
                print(f"--- {server.product.name}\n{server.program.output[-2000:]}", file=sys.stderr)
            raise
    print(report.text(results))
    return 0 if results.sound else 1


if __name__ == "__main__":
    sys.exit(main())
