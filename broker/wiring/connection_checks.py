"""Connection checks of `portico check --connect`: uses each external dependency once and returns the results."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from broker.actions.people.access import AccessReviews
from broker.actions.people.directory import StaffPeople
from broker.actions.people.roles import RoleChanges
from broker.crypto import keys, seal
from broker.crypto.client_jwks import ClientJwks
from broker.crypto.signing import sign
from broker.journey.figures import day_of
from broker.model.notification import DeliveryFailed
from broker.platform import system
from broker.platform.http_client import HttpClients
from broker.platform.refreshing_cache import FetchFailed
from broker.platform.system import System
from broker.platform.toml_loader import Problem
from broker.settings import BrokerSettings, ProviderEntry, Settings
from broker.stores.ephemeral.open import open_ephemeral_stores
from broker.stores.sql.schema import unwritable
from broker.stores.sql_stores import open_sql_stores
from broker.wiring.admin import check_ready
from broker.wiring.errors import EXPECTED, CommandError, refusal
from broker.wiring.notifiers import notify_notifier, smtp_notifier
from broker.wiring.provider_builds import provider_site
from broker.wiring.store_access import database_access, redis_access
from providers import KINDS, ProviderDependencies

WITHIN = 15.0
"""Seconds that one thing may take."""


@dataclass(frozen=True, slots=True)
class ConnectionResult:
    """Result of one connection check: the problem (None if it works), notes on deviations from a standard, and
    warnings about what the database shows."""

    problem: str | None = None
    notes: Sequence[str] = ()
    warnings: Sequence[Problem] = ()


Try = Callable[[], Awaitable[str | None]]
"""Uses one thing: None if it works, else what is wrong. May raise what is expected of a thing that does not work."""


async def connect(settings: Settings) -> Mapping[str, ConnectionResult]:
    """What came of using each thing outside: database, Redis, signing keys, providers, mail."""
    real, broker = system.real_system(), settings.broker
    async with AsyncExitStack() as stack:
        http_clients = HttpClients(
            development=broker.development,
            ca_file=broker.http_client.ca_file,
            networks=broker.http_client.allowed_networks,
        )
        stack.push_async_callback(http_clients.close)
        entries = settings.every_provider
        # one after the other: reading keys holds up the loop for longer than Redis has time to answer
        own: dict[str, Try] = {"database": lambda: _database(settings)}
        if broker.ephemeral.url != "memory:":
            own["Redis"] = lambda: _redis(settings, real)
        own["signing keys"] = lambda: _keys(settings, real)
        problems = {name: await _tried(work) for name, work in own.items()}
        theirs = {
            f"provider {entry.id}": _provider(
                entry, ProviderDependencies(http_clients, real, site=provider_site(broker))
            )
            for entry in entries
        }
        theirs |= {
            f"keys of {client_id}": _service_keys(client_id, service.credentials.jwks_uri, http_clients, real)
            for client_id, service in settings.services.items()
            if service.credentials.jwks_uri is not None
        }
        theirs |= _notifiers(broker, http_clients, real)
        provider_problems = await asyncio.gather(*map(_tried, theirs.values()))
        problems |= dict(zip(theirs, provider_problems, strict=True))
        notes: dict[str, Sequence[str]] = {
            name: await KINDS[entry.kind].deviations(entry.config, http_clients)
            for entry in entries
            if problems[name := f"provider {entry.id}"] is None
        }
        seen = {"database": await database_warnings(settings, real)} if problems["database"] is None else {}
    return {
        name: ConnectionResult(problem, notes.get(name, ()), seen.get(name, ())) for name, problem in problems.items()
    }


async def _tried(work: Try) -> str | None:
    try:
        async with asyncio.timeout(WITHIN):
            return await work()
    except TimeoutError:
        return f"no answer within {WITHIN:.0f} seconds"
    except CommandError as refused:
        return str(refused)
    except EXPECTED as problem:
        return str(refusal(problem))


async def _database(settings: Settings) -> str | None:
    await check_ready(settings)
    database = settings.broker.database
    return await unwritable(database.url, database_access(database))


async def database_warnings(settings: Settings, real: System) -> Sequence[Problem]:
    """Warns of access that was not reviewed in time, and of claims that were released although not registered."""
    staff, broker, found = settings.staff, settings.broker, []
    ring = keys.load_all(broker.keys.folder)
    sealer, database = seal.sealer(ring.sealing, ring.sealing_previous, real.random_bytes), broker.database
    sql = await open_sql_stores(database.url, sealer, real, database_access(database), connections=1)
    try:
        if staff is not None:
            changes = RoleChanges(StaffPeople(sql.people, lambda: staff.people), real)
            if overdue := await AccessReviews(changes, sql.staff_audit, staff.policy.access_review).overdue():
                what, mend = f"access reviews that are due: {overdue}", "leads and admins do them at /access"
                found.append(Problem("staff.toml: access_review", what, mend))
        for one in await sql.claim_releases.released():
            if one.alarm is not None:
                what = f"{one.claim} was released on {day_of(one.alarm)} although it was not registered"
                mend = "find out why in the audit record: `portico stats releases`, then `portico audit search`"
                found.append(Problem(f"services/{one.client_id}: claims", what, mend))
    finally:
        await sql.close()
    return found


async def _redis(settings: Settings, real: System) -> str | None:
    """Writes a record and takes it away again, with every kind of command that the broker uses."""
    broker = settings.broker
    ring = keys.load_all(broker.keys.folder)
    sealer = seal.sealer(ring.sealing, ring.sealing_previous, real.random_bytes)
    async with AsyncExitStack() as stack:
        database = broker.database
        sql = await open_sql_stores(database.url, sealer, real, database_access(database), connections=1)
        stack.push_async_callback(sql.close)
        at = broker.ephemeral
        ephemeral = open_ephemeral_stores(at.url, sealer, real, sql.kill_switches, redis_access(at))
        stack.push_async_callback(ephemeral.close)
        if problems := await ephemeral.check_server():
            return "; ".join(problems)
        name = f"check-{real.random_bytes(16).hex()}"
        await ephemeral.continuations.put(name, name, real.now() + 60)
        if await ephemeral.continuations.take(name) != name:
            return "what was written could not be read again"
        await ephemeral.proofs.first_use(name, real.now() + 1, await ephemeral.proofs.epoch())
        await ephemeral.rate_limits.allow(name, 1, 1)
        await ephemeral.pushed.get(name)
    return None


async def _keys(settings: Settings, real: System) -> str | None:
    """Signs with each current key; a token answers here, or not."""
    tokens = keys.Pkcs11Tokens(real.monotonic)
    try:
        ring = keys.load_all(settings.broker.keys.folder, tokens)
        for key in ring.current.values():
            await sign({"check": True}, key, "check+jwt")
    finally:
        tokens.close()
    return None


def _provider(entry: ProviderEntry, ground: ProviderDependencies) -> Try:
    async def look() -> str | None:
        seen = await KINDS[entry.kind].build(entry.card, entry.config, ground).health()
        return None if seen.working else seen.detail or "it does not answer as it should"

    return look


def _service_keys(client_id: str, url: str, http_clients: HttpClients, real: System) -> Try:
    async def fetch() -> str | None:
        try:
            await ClientJwks(client_id, url, http_clients.client(f"keys:{client_id}", limit=1), real).keys("")
        except FetchFailed as missed:
            return str(missed)
        return None

    return fetch


def _notifiers(broker: BrokerSettings, http_clients: HttpClients, real: System) -> Mapping[str, Try]:
    """The mail server, and GOV.UK Notify with its templates. A text gateway can only be tried by sending."""
    notices, zone = broker.notifications, ZoneInfo(broker.time_zone)
    found: dict[str, Try] = {}
    if (smtp := notices.smtp) is not None:
        found["mail server"] = lambda: _undelivered(smtp_notifier(smtp, zone).greet())
    if (notify := notices.notify) is not None:
        found["GOV.UK Notify"] = lambda: _undelivered(
            notify_notifier(notify, zone, http_clients, real).template_problems()
        )
    return found


async def _undelivered(trying: Awaitable[Sequence[str] | None]) -> str | None:
    try:
        return "; ".join(await trying or ()) or None
    except DeliveryFailed as problem:
        return str(problem)
