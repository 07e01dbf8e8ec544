"""Opens everything that runs in one process, and closes it again."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from broker.actions.open_data.starts import StartCounter
from broker.actions.passkeys.case_passkeys import CasePasskeys
from broker.actions.periodic import run_forever
from broker.crypto import seal
from broker.crypto.keys import LiveKeyRing, Pkcs11Tokens
from broker.crypto.seal import Sealer
from broker.model.store_results import StoreUnavailable
from broker.platform.http_client import HttpClients
from broker.platform.system import System
from broker.settings import Settings
from broker.settings.profile_file import profiles_of
from broker.stores.ephemeral.open import EphemeralStores, open_ephemeral_stores
from broker.stores.sql_stores import SqlStores, open_sql_stores
from broker.web.operations import Readiness, open_metrics, update_gauges
from broker.wiring.admin import SettingsReader
from broker.wiring.assisted_wiring import context_of_cases
from broker.wiring.background import background_tasks
from broker.wiring.client_files import ClientFiles, rewrite_renamed
from broker.wiring.container import (
    Container,
    ContainerConfiguration,
    ContainerConnections,
    ContainerCrypto,
    ContainerMonitoring,
)
from broker.wiring.notifiers import build_notifiers
from broker.wiring.provider_builds import ProviderBuilds, provider_site
from broker.wiring.registry import Registry
from broker.wiring.settings_reload import SettingsReloader, SettingsWatch
from broker.wiring.store_access import database_access, redis_access
from providers import ProviderDependencies
from providers.health_monitor import HealthMonitor

LOG = logging.getLogger("portico.app")

RETRY_DELAY = 1.0
"""Seconds between two tries to reach the facts at the start."""


@asynccontextmanager
async def open_container(
    settings: Settings, system: System, reader: SettingsReader | None = None
) -> AsyncIterator[Container]:
    """Opens stores and connections, starts what is done again and again, and closes all of it in the end.

    `reader` loads the settings again, for changes that need no restart.
    """
    broker = settings.broker
    tokens = Pkcs11Tokens(system.monotonic)
    keys = LiveKeyRing(broker.keys.folder, tokens)
    ring = keys.ring()
    sealer = seal.sealer(ring.sealing, ring.sealing_previous, system.random_bytes)
    async with AsyncExitStack() as stack:
        stack.callback(tokens.close)
        sql = await _open_sql_stores(settings, sealer, system)
        stack.push_async_callback(sql.close)
        ephemeral = open_ephemeral_stores(
            broker.ephemeral.url,
            sealer,
            sql.system,
            sql.kill_switches,
            redis_access(broker.ephemeral),
        )
        stack.push_async_callback(ephemeral.close)
        sql.clock.join_ephemeral(ephemeral.server_time, ephemeral.forget)
        http_clients = HttpClients(
            development=broker.development,
            ca_file=broker.http_client.ca_file,
            networks=broker.http_client.allowed_networks,
        )
        stack.push_async_callback(http_clients.close)
        metrics = open_metrics(broker.metrics.folder if broker.listen.workers > 1 else None)
        sql.audit.report_to(metrics.recorded)
        profiles = profiles_of(broker)
        notifiers = build_notifiers(broker, http_clients, sql.system)
        dependencies = ProviderDependencies(
            http_clients,
            sql.system,
            count_malformed=metrics.claim_malformed,
            site=provider_site(broker),
            passkeys=CasePasskeys(
                sql.passkeys,
                context_of_cases(broker, sql, profiles, frozenset(notifiers), lambda: registry.services),
            ),
        )
        health_monitor = HealthMonitor(sql.system, ephemeral.provider_signals, broker.provider_watch)
        builds = ProviderBuilds(dependencies)
        registry = Registry(health_monitor, builds, http_clients, sql.system)
        registry.replace_all(settings, builds.prepare(settings))
        reloader = None if reader is None else SettingsReloader(settings, registry, reader, sql.counters, metrics)
        watch_settings = SettingsWatch({"keys": keys.reload})
        if reloader is not None:
            watch_settings.readings["services"] = reloader
        container = Container(
            settings,
            sql.system,
            ContainerCrypto(keys, sealer),
            ContainerConnections(sql, ephemeral, http_clients, notifiers),
            ContainerConfiguration(
                registry,
                watch_settings,
                profiles,
                reloader,
                _files(settings, reader, reloader, sql, registry),
            ),
            ContainerMonitoring(health_monitor, metrics, _readiness(sql, ephemeral), StartCounter(metrics.started)),
        )
        stack.push_async_callback(_write_starts, container)
        for work in (
            health_monitor.run(),
            _gauges(container),
            *(run_forever(task) for task in background_tasks(container)),
        ):
            stack.push_async_callback(_cancel, asyncio.ensure_future(work))
        yield container


def _files(
    settings: Settings,
    reader: SettingsReader | None,
    reloader: SettingsReloader | None,
    sql: SqlStores,
    registry: Registry,
) -> ClientFiles | None:
    """The files of services, if dynamic registration is enabled."""
    if not settings.broker.dynamic_registration or reader is None or reloader is None:
        return None
    rewrite_renamed(reader.place)
    known = registry.services
    return ClientFiles(reader.place, reader, reloader, sql.counters, lambda: known, sql.system.now)


def _readiness(sql: SqlStores, ephemeral: EphemeralStores) -> Readiness:
    """What a process must reach to be of use, and what it can do without for a while."""

    async def schema() -> str | None:
        if not await sql.schema_is_current():
            return "another schema than this release: run portico migrate"
        wrong = await sql.unwritable()
        return None if wrong is None else wrong.partition("\n")[0]

    async def state() -> str | None:
        return "; ".join(await ephemeral.check_server()) or None

    return Readiness({"facts": schema}, {"passing": state}, sql.system.monotonic, lambda: sql.clock.unready_reason)


def _gauges(container: Container) -> Coroutine[Any, Any, None]:
    def working() -> Mapping[str, bool]:
        return {
            provider_id: health.working for provider_id, health in container.monitoring.health_monitor.healths().items()
        }

    return update_gauges(container.monitoring.metrics, container.monitoring.readiness, working)


async def _open_sql_stores(settings: Settings, sealer: Sealer, system: System) -> SqlStores:
    """The facts, as soon as they can be had: a worker that is started while the database is away waits for it."""
    database, logged = settings.broker.database, ""
    while True:
        try:
            return await open_sql_stores(
                database.url,
                sealer,
                system,
                database_access(database),
                connections=database.pool_size,
                tolerance=settings.broker.clock.tolerance,
            )
        except StoreUnavailable as problem:
            if logged != str(problem):
                LOG.warning("start_waits_for_store", extra={"problem": str(problem)})
            logged = str(problem)
            await asyncio.sleep(RETRY_DELAY)


async def _write_starts(container: Container) -> None:
    """Writes the sign-ins that were started since the last time, before the database is closed."""
    try:
        await container.monitoring.starts.write(container.connections.sql_stores.audit, container.system.now())
    except StoreUnavailable:
        LOG.warning("starts_lost")


async def _cancel(task: asyncio.Task[None]) -> None:
    """Cancels a periodic task. The cancellation is repeated, since a library may swallow the first one."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.1)
    with contextlib.suppress(asyncio.CancelledError):
        await task
