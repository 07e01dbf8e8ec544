"""Everything that runs in one process, built once from settings."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from broker import keys, seal
from broker.actions.sign_in.desk import Registered
from broker.actions.upkeep import Chore, for_ever
from broker.ambient import Ambient
from broker.jose import KeySet, parse_keys
from broker.keys import KeyRing
from broker.model.service import Service
from broker.outgoing import Outgoing
from broker.provider import Provider
from broker.seal import Sealer
from broker.settings import ProviderEntry, Settings, secret
from broker.stores.facts import Facts, open_facts
from broker.stores.passing.opening import Passing, open_passing
from broker.stores.sql.audit_chain import Notary
from broker.stores.sql.schema import schema_is_current
from broker.web.operations import Readiness, beat, open_meters
from providers import KINDS, Ground
from providers.watch import Watch

if TYPE_CHECKING:
    from broker.web.operations.meters import Meters


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The services and providers as configured, with what is worked out of them once."""

    services: Mapping[str, Service]
    providers: Mapping[str, Registered]
    key_sets: Mapping[str, KeySet] = field(repr=False)

    def keys(self, client_id: str) -> KeySet:
        """The public keys of a service (an empty set for one without)."""
        return self.key_sets.get(client_id) or KeySet()


@dataclass(frozen=True, slots=True)
class Parts:
    """What both doors stand on, opened once in a process. `ambient` has a clock that does not run backwards."""

    settings: Settings
    ambient: Ambient
    ring: KeyRing
    sealer: Sealer
    facts: Facts
    passing: Passing
    outgoing: Outgoing
    catalogue: Catalogue
    watch: Watch
    meters: "Meters"
    readiness: Readiness


@asynccontextmanager
async def opened(settings: Settings, ambient: Ambient) -> AsyncIterator[Parts]:
    """Opens stores and connections, starts what is done again and again, and closes all of it in the end."""
    broker = settings.broker
    ring = keys.load_all(broker.keys.folder)
    sealer = seal.sealer(ring.sealing, ring.sealing_previous, ambient.draw)
    async with AsyncExitStack() as stack:
        facts = await _facts(settings, sealer, ambient)
        stack.push_async_callback(facts.close)
        passing = open_passing(
            broker.passing.url,
            sealer,
            facts.ambient,
            facts.switches,
            password=password(broker.passing.password_file),
            connections=broker.passing.connections,
        )
        stack.push_async_callback(passing.close)
        outgoing = Outgoing(
            development=broker.development, ca_file=broker.outgoing.ca_file, networks=broker.outgoing.networks
        )
        stack.push_async_callback(outgoing.close)
        ground = Ground(outgoing, facts.ambient)
        watch = Watch((_provider(entry, ground) for entry in settings.providers.values()), facts.ambient)
        parts = Parts(
            settings,
            facts.ambient,
            ring,
            sealer,
            facts,
            passing,
            outgoing,
            _catalogue(settings, watch),
            watch,
            open_meters(broker.metrics.folder if broker.listen.workers > 1 else None),
            _readiness(settings, facts, passing),
        )
        for work in (watch.run(), _beat(parts), *(for_ever(chore) for chore in _chores(parts))):
            stack.push_async_callback(_ended, asyncio.ensure_future(work))
        yield parts


def _readiness(settings: Settings, facts: Facts, passing: Passing) -> Readiness:
    """What a process must reach to be of use, and what it can do without for a while."""
    where = settings.broker.facts

    async def schema() -> str | None:
        current = await schema_is_current(where.url, password(where.password_file))
        return None if current else "another schema than this release: run broker migrate"

    async def state() -> str | None:
        return "; ".join(await passing.check_server()) or None

    return Readiness({"facts": schema}, {"passing state": state}, facts.ambient.tick)


def _beat(parts: Parts) -> Coroutine[Any, Any, None]:
    def working() -> Mapping[str, bool]:
        return {id: health.working for id, health in parts.watch.healths().items()}

    return beat(parts.meters, parts.readiness, working)


async def _facts(settings: Settings, sealer: Sealer, ambient: Ambient) -> Facts:
    where = settings.broker.facts
    return await open_facts(
        where.url, sealer, ambient, password=password(where.password_file), connections=where.connections
    )


def password(file: Path | None) -> str | None:
    """The password in a file, None where there is no file."""
    return None if file is None else secret(file)


def _chores(parts: Parts) -> Sequence[Chore]:
    facts, file = parts.facts, parts.settings.broker.audit.checkpoints
    chores = [
        Chore("seal", 1.0, facts.tick),
        Chore("sweep", 300.0, lambda: facts.sweep(parts.ambient.now())),
        Chore("memory", 5.0, parts.passing.watch),
    ]
    if file is not None:
        notary = Notary(parts.ring.audit, file)
        chores.append(Chore("checkpoint", 60.0, lambda: facts.chain.checkpoint(parts.ambient.now(), notary)))
    return chores


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _provider(entry: ProviderEntry, ground: Ground) -> Provider:
    return KINDS[entry.kind].build(entry.card, entry.config, ground)


def _catalogue(settings: Settings, watch: Watch) -> Catalogue:
    issuer = settings.broker.issuer
    return Catalogue(
        services=settings.services,
        providers={
            id: Registered(watch.providers[id], entry.listing, f"{issuer}/callback/{id}")
            for id, entry in settings.providers.items()
        },
        key_sets={
            id: parse_keys(service.jwks) for id, service in settings.services.items() if service.jwks is not None
        },
    )
