"""What a process does again and again beside answering requests."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

from broker.actions.assisted.expiry import expire_due_cases
from broker.actions.assisted.reports import count_new
from broker.actions.console.incidents import run_incidents
from broker.actions.files.erasing import sweep
from broker.actions.open_data.publishing import OpenData, count_and_publish
from broker.actions.open_data.register import record_register
from broker.actions.open_data.releases import ReleaseCheck
from broker.actions.open_data.starts import EVERY as STARTS_EVERY
from broker.actions.open_data.status import EVERY as STATUS_EVERY
from broker.actions.open_data.status import Status, record_status
from broker.actions.passkeys.reminders import remind
from broker.actions.periodic import PeriodicTask
from broker.actions.signals.received import poll_events
from broker.crypto.keys import KeyManager
from broker.stores.figure_archive import FigureArchive
from broker.stores.sql.audit_chain import CheckpointSigner
from broker.wiring.assisted_wiring import access_reviews, case_context, file_context, reports, staff_people
from broker.wiring.container import Container
from broker.wiring.contexts import reminder_context
from broker.wiring.delivery import outbox_tasks, update_waiting
from broker.wiring.key_rotation import rotate, rotation_policy
from broker.wiring.provider_watch import DailyTest, conditions, update_provider_gauges
from broker.wiring.settings_reload import SettingsReloader, SettingsWatch
from broker.wiring.signals_wiring import received_event_context

LOG: Final = logging.getLogger("portico.upkeep")


def background_tasks(container: Container) -> Sequence[PeriodicTask]:
    """Checking the clock, sealing, sweeping, looking, following the keys, letting clocks speak, sending."""
    sql, broker = container.connections.sql_stores, container.settings.broker
    cases, measured = case_context(container), reports(container)
    people = staff_people(container)
    received, reminding = received_event_context(container), reminder_context(container)
    registry, metrics = container.configuration.registry, container.monitoring.metrics
    status = Status(sql.disruptions, container.system)
    archive = None if broker.audit.checkpoints is None else FigureArchive(broker.audit.checkpoints)
    published = OpenData(sql.figures, container.system, archive)
    timeless = [
        PeriodicTask("seal", 1.0, lambda: _maintain(container)),
        PeriodicTask("memory", 5.0, lambda: _update_memory_usage(container)),
        PeriodicTask("signals", 1.0, container.monitoring.health_monitor.exchange),
        PeriodicTask("keys", 2.0, container.crypto.keys.poll),
    ]
    tasks = [
        PeriodicTask("sweep", 300.0, lambda: sql.sweep(container.system.now())),
        *outbox_tasks(container),
        PeriodicTask("waiting", 15.0, lambda: update_waiting(container)),
        PeriodicTask("providers", 5.0, lambda: _update_providers(container)),
        PeriodicTask("provider tests", 60.0, DailyTest(container)),
        PeriodicTask("provider events", 1.0, lambda: poll_events(received)),
        PeriodicTask("cases", 30.0, lambda: expire_due_cases(cases)),
        PeriodicTask("reminders", 60.0, lambda: remind(reminding)),
        PeriodicTask(
            "starts", STARTS_EVERY, lambda: container.monitoring.starts.write(sql.audit, container.system.now())
        ),
        PeriodicTask("status", STATUS_EVERY, lambda: record_status(status, conditions(container))),
        PeriodicTask("releases", 60.0, ReleaseCheck(sql.claim_releases, registry.services, metrics.release_differs)),
        PeriodicTask(
            "register",
            60.0,
            lambda: record_register(sql.service_entries, registry.services.values(), container.system.now()),
        ),
        PeriodicTask("figures", 60.0, lambda: count_and_publish(published)),
        PeriodicTask("measures", 60.0, lambda: count_new(measured, container.monitoring.metrics.measured)),
        PeriodicTask("waiting cases", 15.0, lambda: _update_cases(container)),
        PeriodicTask("access reviews", 3600.0, lambda: _update_reviews(container)),
        PeriodicTask("incidents", 1.0, lambda: run_incidents(cases, people.present)),
    ]
    reloading = container.configuration.settings_reloader
    if reloading is not None:
        timeless.append(PeriodicTask("reload", 2.0, lambda: _reread(reloading, container.configuration.settings_watch)))
    if (files := file_context(container)) is not None:
        tasks.append(PeriodicTask("files", 60.0, lambda: sweep(files)))
    if broker.keys.rotate_every is not None:
        manager = KeyManager(
            broker.keys.folder, container.system.random_bytes, rotation_policy(broker), container.crypto.keys.tokens
        )
        tasks.append(PeriodicTask("rotation", 10.0, lambda: rotate(container, manager)))
    if broker.audit.checkpoints is not None:
        signer = CheckpointSigner(container.crypto.keys.ring().audit, broker.audit.checkpoints)
        tasks.append(
            PeriodicTask("checkpoint", 60.0, lambda: sql.audit_chain.checkpoint(container.system.now(), signer))
        )
    return [*timeless, *(replace(task, run=_in_time(container, task.run)) for task in tasks)]


async def _update_providers(container: Container) -> None:
    update_provider_gauges(container)


async def _update_cases(container: Container) -> None:
    counts = await container.connections.sql_stores.case_lists.counts()
    container.monitoring.metrics.cases(counts, container.system.now())


async def _update_reviews(container: Container) -> None:
    """Sets the metric of access reviews that are due, and logs them: the board of leads shows them, if a lead looks."""
    reviews = access_reviews(container)
    overdue = 0 if reviews is None else await reviews.missed()
    container.monitoring.metrics.access_reviews(overdue)
    if overdue:
        LOG.error("access_reviews_overdue", extra={"count": overdue})


async def _maintain(container: Container) -> None:
    try:
        await container.connections.sql_stores.maintain()
    finally:
        clock = container.connections.sql_stores.clock
        container.monitoring.metrics.clock(clock.offset, out=clock.unready_reason is not None)


def _in_time(container: Container, do: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[object]]:
    """Work that goes by the time is left to other processes while this one is out of rotation because of its clock."""

    async def done() -> None:
        if container.connections.sql_stores.clock.unready_reason is None:
            await do()

    return done


async def _update_memory_usage(container: Container) -> None:
    """Reads the memory usage of the ephemeral store, and whether it evicts anything."""
    await container.connections.ephemeral_stores.update_memory_usage()
    container.monitoring.metrics.evicting(evicts=container.connections.ephemeral_stores.evicts())


async def _reread(reloading: SettingsReloader, rereading: SettingsWatch) -> None:
    if await reloading.is_requested():
        await rereading()
