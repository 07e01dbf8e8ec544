"""Opens everything that runs in one process, and closes it again."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from broker import seal
from broker.actions.upkeep import for_ever
from broker.ambient import Ambient
from broker.app.administration import read as read_settings
from broker.app.catalogue import Catalogue, key_sets
from broker.app.chores import chores
from broker.app.parts import Parts, encrypted, password, redis_access
from broker.app.registering import Files, rewrite_renamed
from broker.app.reloading import Reader, Reloading
from broker.app.rereading import Rereading
from broker.keys import Keys, Tokens
from broker.model.facts import Unavailable
from broker.outgoing import Outgoing
from broker.provider import Provider
from broker.seal import Sealer
from broker.settings import ProviderEntry, Settings
from broker.stores.facts import Facts, open_facts
from broker.stores.passing.opening import Passing, open_passing
from broker.web.operations import Readiness, beat, open_meters
from providers import KINDS, Ground
from providers.watch import Watch

LOG = logging.getLogger("portico.app")

AGAIN = 1.0
"""Seconds between two tries to reach the facts at the start."""


@asynccontextmanager
async def opened(
    settings: Settings, ambient: Ambient, read: Reader | None = None, place: Path | None = None
) -> AsyncIterator[Parts]:
    """Opens stores and connections, starts what is done again and again, and closes all of it in the end.

    `read` reads the settings again from the `place` where they came from, for changes that need no restart.
    """
    broker = settings.broker
    tokens = Tokens(ambient.tick)
    keys = Keys(broker.keys.folder, tokens)
    ring = keys.ring()
    sealer = seal.sealer(ring.sealing, ring.sealing_previous, ambient.draw)
    async with AsyncExitStack() as stack:
        stack.callback(tokens.close)
        facts = await _facts(settings, sealer, ambient)
        stack.push_async_callback(facts.close)
        passing = open_passing(
            broker.ephemeral.url,
            sealer,
            facts.ambient,
            facts.switches,
            redis_access(broker.ephemeral),
        )
        stack.push_async_callback(passing.close)
        facts.clock.join_passing(passing.server_time, passing.forget)
        outgoing = Outgoing(
            development=broker.development,
            ca_file=broker.http_client.ca_file,
            networks=broker.http_client.allowed_networks,
        )
        stack.push_async_callback(outgoing.close)
        meters = open_meters(broker.metrics.folder if broker.listen.workers > 1 else None)
        ground = Ground(outgoing, facts.ambient, count_malformed=meters.claim_malformed)
        watch = Watch((_provider(entry, ground) for entry in settings.providers.values()), facts.ambient)
        catalogue = Catalogue(watch.providers, outgoing, facts.ambient)
        catalogue.take(settings, key_sets(settings))
        reloading = None if read is None else Reloading(settings, catalogue, read, facts.marks, meters)
        rereading = Rereading({"keys": keys.reload})
        if reloading is not None:
            rereading.readings["services"] = reloading
        parts = Parts(
            settings,
            facts.ambient,
            keys,
            rereading,
            sealer,
            facts,
            passing,
            outgoing,
            catalogue,
            watch,
            meters,
            _readiness(facts, passing),
            reloading,
            _files(settings, place, reloading, facts, catalogue),
        )
        for work in (watch.run(), _beat(parts), *(for_ever(chore) for chore in chores(parts))):
            stack.push_async_callback(_ended, asyncio.ensure_future(work))
        yield parts


def _files(
    settings: Settings, place: Path | None, reloading: Reloading | None, facts: Facts, catalogue: Catalogue
) -> Files | None:
    """The files of services, where services may register by themselves."""
    if not settings.broker.dynamic_registration or place is None or reloading is None:
        return None
    rewrite_renamed(place)
    known = catalogue.services
    return Files(place, partial(read_settings, place), reloading, facts.marks, lambda: known, facts.ambient.now)


def _readiness(facts: Facts, passing: Passing) -> Readiness:
    """What a process must reach to be of use, and what it can do without for a while."""

    async def schema() -> str | None:
        if not await facts.schema_is_current():
            return "another schema than this release: run portico migrate"
        wrong = await facts.unwritable()
        return None if wrong is None else wrong.partition("\n")[0]

    async def state() -> str | None:
        return "; ".join(await passing.check_server()) or None

    return Readiness({"facts": schema}, {"passing": state}, facts.ambient.tick, lambda: facts.clock.out)


def _beat(parts: Parts) -> Coroutine[Any, Any, None]:
    def working() -> Mapping[str, bool]:
        return {id: health.working for id, health in parts.watch.healths().items()}

    return beat(parts.meters, parts.readiness, working)


async def _facts(settings: Settings, sealer: Sealer, ambient: Ambient) -> Facts:
    """The facts, as soon as they can be had: a worker that is started while the database is away waits for it."""
    where, told = settings.broker.database, ""
    while True:
        try:
            return await open_facts(
                where.url,
                sealer,
                ambient,
                password=password(where.password_file),
                connections=where.pool_size,
                tls=encrypted(where),
                tolerance=settings.broker.clock.tolerance,
            )
        except Unavailable as problem:
            if told != str(problem):
                LOG.warning("start_waits_for_store", extra={"problem": str(problem)})
            told = str(problem)
            await asyncio.sleep(AGAIN)


async def _ended(task: asyncio.Task[None]) -> None:
    """Ends what is done again and again. It is told so more than once: a library on the way may lose the first word."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.1)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _provider(entry: ProviderEntry, ground: Ground) -> Provider:
    return KINDS[entry.kind].build(entry.card, entry.config, ground)
