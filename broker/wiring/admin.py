"""What the commands that serve nothing need: settings, the schema, and the stores of facts for a moment."""

import gc
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from broker.actions.assisted.reports import Reports
from broker.actions.open_data.publishing import OpenData
from broker.crypto import seal
from broker.crypto.keys import KeyRing, KeysUnusable, Pkcs11Tokens, load_all, load_sealing
from broker.crypto.keys.index import load_index
from broker.crypto.seal import Sealer
from broker.model.store_results import StoreUnavailable
from broker.platform import system
from broker.platform.toml_loader import Problem
from broker.settings import ServiceCache, Settings, Source, load, service_cache_file
from broker.settings.check_shared_secrets import StoredSecret, copies, file_mark, key_mark
from broker.stores.clock_check import ClockCheck
from broker.stores.ephemeral.open import open_ephemeral_stores, open_memory_monitor
from broker.stores.ephemeral.redis_client import Misconfigured
from broker.stores.figure_archive import FigureArchive
from broker.stores.sql.audit import SqlAudit
from broker.stores.sql.audit_exports import SqlAuditExports
from broker.stores.sql.audit_search import SqlAuditSearch
from broker.stores.sql.cases import SqlCases
from broker.stores.sql.claim_releases import SqlClaimReleases
from broker.stores.sql.digests import DigestKeyLost
from broker.stores.sql.identity_links import SqlIdentityLinks
from broker.stores.sql.kill_switches import KillSwitchStore
from broker.stores.sql.schema import schema_is_current, unwritable
from broker.stores.sql.sessions import SqlSessions
from broker.stores.sql.shared_counters import SharedCounters
from broker.stores.sql.sign_in_failures import SqlSignInFailures
from broker.stores.sql.status_notes import SqlStatusNotes
from broker.stores.sql_stores import SqlStores, check_digests, open_sql_stores
from broker.wiring.errors import NOT_NOW, CommandError, format_problems
from broker.wiring.store_access import database_access, redis_access
from providers import KINDS

LOG = logging.getLogger("portico.app")


@dataclass(frozen=True, slots=True)
class SettingsReader:
    """Reads the settings at a place. Services whose files did not change since the last reading are not read again."""

    place: Path
    cache_file: Path | None = None
    cache: ServiceCache = field(default_factory=lambda: ServiceCache(system.real_system().now))

    def __call__(self, *more: Source) -> Settings | list[Problem]:
        """The settings, or every problem in them and in the keys that they name; `more` are further services."""
        loaded = load(self.place, KINDS, additional=more, cache=self.cache)
        return loaded if isinstance(loaded, list) else list(check_keys(loaded)) or loaded

    def load(self) -> Settings:
        """The settings, at a start: services whose files did not change since another start come from the cache file.

        Raises CommandError with every problem in them.
        """
        gc.disable()  # nothing of what is read becomes garbage, and each collection would look at all of it again
        try:
            if self.cache_file is not None:
                service_cache_file.restore(self.cache, self.cache_file)
            before = self.cache.checked
            found = self()
        finally:
            gc.enable()
        if isinstance(found, list):
            raise CommandError(format_problems(found, self.place))
        if self.cache_file is not None and not _same(self.cache.checked, before):
            service_cache_file.store(self.cache, self.cache_file)
        return found


def _same(now: Mapping[str, object], before: Mapping[str, object]) -> bool:
    """Whether a reading kept every record of the one before, and found no other."""
    return now.keys() == before.keys() and all(one is before[path] for path, one in now.items())


def check_keys(settings: Settings) -> Iterator[Problem]:
    """A usable key ring, with a key for every algorithm that services want, none of which is used elsewhere too."""
    folder, tokens = settings.broker.keys.folder, Pkcs11Tokens()
    try:
        ring = load_all(folder, tokens)
    except KeysUnusable as unusable:
        yield from unusable.problems
        return
    finally:
        tokens.close(wait=True)
    for service in settings.services.values():
        alg = service.signing.id_token_alg
        if alg not in ring.current:
            fix = f"add a current {alg} key to keys.toml; keys there sign {', '.join(ring.current)}"
            yield Problem(f"{service.client_id}: id_token_alg", f"no key signs {alg}", fix)
    own, secrets = f"the key folder {folder}", settings.stored_secrets
    keys = [StoredSecret("keys.folder", own, key_mark(thumbprint)) for thumbprint in ring.thumbprints]
    index, _ = load_index(folder)
    files = [] if index is None else [StoredSecret("keys.folder", own, file_mark(path)) for path in index.files()]
    # copies within the settings were reported when they were loaded
    yield from copies([*keys, *files, *secrets], shared_by_services=True)


async def check_ready(settings: Settings) -> None:
    """Checks that the stores can be used as they are. Raises CommandError with the fix."""
    database = settings.broker.database
    try:
        current = await schema_is_current(database.url, database_access(database))
    except StoreUnavailable as problem:
        raise CommandError(f"database.url: the database cannot be used: {problem}", NOT_NOW) from None
    if not current:
        raise CommandError("database.url: the database has another schema than this release: run `portico migrate`")
    try:
        await check_digests(database.url, _sealer(settings), database_access(database))
    except StoreUnavailable as problem:
        raise CommandError(f"database.url: the database cannot be used: {problem}", NOT_NOW) from None
    except DigestKeyLost as problem:
        raise _other_keys(problem) from None


async def check_start(settings: Settings) -> None:
    """Whether the broker can serve: `check_ready`, and passing state that keeps what it is given. Raises CommandError.

    A Redis that is away is no reason not to start: it is waited for. One that is there and refuses the broker, or
    throws records away, is.
    """
    await check_ready(settings)
    database, where = settings.broker.database, settings.broker.ephemeral
    if (wrong := await unwritable(database.url, database_access(database))) is not None:
        raise CommandError(f"database.url: {wrong}", NOT_NOW)
    server = open_memory_monitor(where.url, redis_access(where))
    if server is None:
        return
    try:
        problems = await server.check_server()
    except Misconfigured as problem:
        raise CommandError(f"ephemeral.url: Redis cannot be used: {problem}", NOT_NOW) from None
    except StoreUnavailable as problem:
        LOG.warning("start_without_redis", extra={"problem": str(problem)})
        return
    finally:
        await server.close()
    if problems:
        raise CommandError("\n".join(f"ephemeral.url: {problem}" for problem in problems))


async def migrate_schema(settings: Settings) -> Sequence[str]:
    """Migrates the schema; returns the steps. Raises CommandError if the database cannot be used."""
    from broker.stores.sql.migrate import migrate  # here, since nothing else needs Alembic

    database = settings.broker.database
    access = database_access(database)
    try:
        if database.file is not None:
            database.file.parent.mkdir(parents=True, exist_ok=True)
        if (database.file is None or database.file.exists()) and await schema_is_current(database.url, access):
            return ()
        await migrate(database.url, access, lambda: _sealer(settings))
    except StoreUnavailable as problem:
        raise CommandError(f"database.url: the database cannot be used: {problem}", NOT_NOW) from None
    except DigestKeyLost as problem:
        raise _other_keys(problem) from None
    return ("the schema is up to date now",)


def _other_keys(problem: DigestKeyLost) -> CommandError:
    return CommandError(
        f"keys.folder: these are not the sealing keys of this database: {problem.detail}\n"
        "    name the folder it was made with, or list its sealing key under [sealing] previous in keys.toml"
    )


def _sealer(settings: Settings) -> Sealer:
    """The broker's sealing keys."""
    current, previous = load_sealing(settings.broker.keys.folder)
    return seal.sealer(current, previous, system.real_system().random_bytes)


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What a reading of the audit chain found."""

    rows: int
    unsealed: int
    faults: Sequence[str]


@dataclass(frozen=True, slots=True)
class AuditVerifier:
    """The audit chain, held against the checkpoints outside of the database."""

    sql: SqlStores
    ring: KeyRing
    checkpoints: Path | None

    async def verify(self) -> AuditReport:
        """Verifies the whole chain. Raises CommandError without a file of checkpoints, since a cut tail could not be
        detected."""
        if self.checkpoints is None:
            raise CommandError(
                "audit.checkpoints: not set: without checkpoints outside the database a cut end goes unseen"
            )
        problems = await self.sql.audit_chain.verify(self.checkpoints, self.ring.audit_public, self.sql.system.now())
        sealed, unsealed = await self.sql.audit_chain.counts()
        return AuditReport(sealed, unsealed, [str(problem) for problem in problems])


@dataclass(frozen=True, slots=True)
class AdminStores:
    """The stores of facts as commands see them."""

    kill_switches: KillSwitchStore
    links: SqlIdentityLinks
    sessions: SqlSessions
    epochs: SharedCounters
    audit: AuditVerifier
    audit_log: SqlAudit
    reloads: SharedCounters
    clock: ClockCheck
    reports: Reports
    open_data: OpenData
    audit_search: SqlAuditSearch
    audit_rows: SqlAuditExports
    failures: SqlSignInFailures
    cases: SqlCases
    claim_releases: SqlClaimReleases
    status_notes: SqlStatusNotes


@asynccontextmanager
async def admin_stores(settings: Settings) -> AsyncIterator[AdminStores]:
    """Opens the stores of facts for one command."""
    await check_ready(settings)
    broker, real = settings.broker, system.real_system()
    ring = load_all(broker.keys.folder)
    sealer = _sealer(settings)
    sql = await open_sql_stores(
        broker.database.url,
        sealer,
        real,
        database_access(broker.database),
        tolerance=broker.clock.tolerance,
    )
    ephemeral = open_ephemeral_stores(
        broker.ephemeral.url,
        sealer,
        sql.system,
        sql.kill_switches,
        redis_access(broker.ephemeral),
    )
    sql.clock.join_ephemeral(ephemeral.server_time, ephemeral.forget)
    try:
        if sql.clock.unready_reason is not None:
            await sql.clock.read_clocks()  # again, now that Redis can be asked
        archive = None if broker.audit.checkpoints is None else FigureArchive(broker.audit.checkpoints)
        record = AuditVerifier(sql, ring, broker.audit.checkpoints)
        yield AdminStores(
            sql.kill_switches,
            sql.identity_links,
            sql.sessions,
            sql.counters,
            record,
            sql.audit,
            sql.counters,
            sql.clock,
            Reports(sql.measures, sql.system),
            OpenData(sql.figures, sql.system, archive),
            sql.audit_search,
            sql.audit_exports,
            sql.sign_in_failures,
            sql.cases,
            sql.claim_releases,
            sql.status_notes,
        )
    finally:
        await ephemeral.close()
        await sql.close()
