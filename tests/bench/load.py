"""How sign-ins are driven, and what is read off meanwhile."""

import asyncio
import os
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tests.bench import cpu
from tests.bench.journeys import Visit
from tests.bench.raw_http import Unexpected
from tests.bench.servers import Server, Slot

AT_ONCE = 16
"""Sign-ins under way at a time."""
PATIENCE = 60.0
"""Seconds after which a sample ends, however little was used, and after which an answer will not come any more."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample: CPU of the server for each sign-in (ms), sign-ins a second, the driver's share of its core.

    `turned_away` are sign-ins that ended with 503 because a store did not answer in time; their cost is in the rest.
    """

    cpu: float
    rate: float
    driver: float
    turned_away: int


async def signed_in(slot: Slot) -> bool:
    """One sign-in; False if the server rejected it with 503, as it may on a machine under other load."""
    try:
        await slot.server.product.sign_in(slot.fresh())
    except Unexpected as unexpected:
        if unexpected.reply.status != 503:
            raise
        return False
    return True


async def closed(server: Server, busy: float) -> Sample:
    """Sixteen at once, each next when one is done, until the server used so many seconds of processor time."""
    slots = await server.visits(AT_ONCE)
    done = turned_away = 0
    enough = False

    async def drive(slot: Slot) -> None:
        nonlocal done, turned_away
        while not enough:
            if await signed_in(slot):
                done += 1
            else:
                turned_away += 1

    began, driver, start = time.perf_counter(), cpu.used([os.getpid()]), server.used()
    tasks = [asyncio.create_task(drive(slot)) for slot in slots]
    while server.used() - start < busy and not any(task.done() for task in tasks):
        await asyncio.sleep(0.05)
        if time.perf_counter() - began > PATIENCE:
            break
    enough = True
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*tasks)
    used, wall = server.used() - start, time.perf_counter() - began
    share = (cpu.used([os.getpid()]) - driver) / wall
    for slot in slots:
        slot.close()
    return Sample(1000 * used / done, done / wall, share, turned_away)


async def by_step(server: Server, count: int) -> tuple[dict[str, float], list[Visit]]:
    """CPU in ms of each kind of request: many sign-ins go through each step together. Gives the sign-ins too."""
    slots = await server.visits(AT_ONCE)
    visits = [slots[i % AT_ONCE].fresh() for i in range(count)]
    costs: dict[str, float] = {}
    for name, step in server.product.steps:
        cost = await together(server, visits, step)
        if not name.startswith("("):
            costs[name] = cost
    return costs, visits


async def together(server: Server, visits: Sequence[Visit], step: Callable[[Visit], Awaitable[None]]) -> float:
    """CPU in ms of the server for one step, taken by all of these; those on one connection one after the other."""

    async def drive(first: int) -> None:
        for visit in visits[first::AT_ONCE]:
            await step(visit)

    start = server.used()
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(drive(first) for first in range(AT_ONCE)))
    return 1000 * (server.used() - start) / len(visits)


async def opened(server: Server, rate: float, seconds: float, chance: random.Random) -> list[float]:
    """Times in ms of sign-ins that begin at random moments (Poisson), however the server does; from when each should
    have begun."""
    idle: list[Slot] = await server.visits(AT_ONCE)
    taken: list[float] = []
    tasks: list[asyncio.Task[None]] = []

    async def one(due: float) -> None:
        slot = idle.pop() if idle else (await server.visits(1))[0]
        if await signed_in(slot):
            taken.append(1000 * (time.perf_counter() - due))
        idle.append(slot)

    begin = time.perf_counter()
    due = begin
    while due < begin + seconds:
        due += chance.expovariate(rate)
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(one(due)))
    await asyncio.gather(*tasks)
    for slot in idle:
        slot.close()
    return taken


def middle(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)
