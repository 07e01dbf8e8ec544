"""SQL stores, opened by their URL."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from broker.crypto.seal import Sealer
from broker.platform.system import System
from broker.stores.clock_check import TOLERANCE, ClockCheck
from broker.stores.monotonic_clock import MonotonicWallClock
from broker.stores.sql.account_data import SqlAccountData
from broker.stores.sql.account_stops import SqlAccountStops
from broker.stores.sql.address import NO_CREDENTIALS, DatabaseAccess, SqliteAddress, address
from broker.stores.sql.agreements import SqlAgreements
from broker.stores.sql.appointments import SqlBookings
from broker.stores.sql.audit import SqlAudit
from broker.stores.sql.audit_chain import AuditChain
from broker.stores.sql.audit_exports import SqlAuditExports
from broker.stores.sql.audit_search import SqlAuditSearch
from broker.stores.sql.authorizations import SqlAuthorizations
from broker.stores.sql.backchannel_requests import SqlBackchannelRequests, SqlPings
from broker.stores.sql.case_lists import SqlCaseLists
from broker.stores.sql.cases import SqlCases
from broker.stores.sql.claim_releases import SqlClaimReleases
from broker.stores.sql.client_tokens import SqlClientTokens
from broker.stores.sql.database import Database
from broker.stores.sql.desk import SqlDesks
from broker.stores.sql.digests import Digests, open_digests
from broker.stores.sql.disruptions import SqlDisruptions
from broker.stores.sql.evidence_files import SqlEvidenceFiles
from broker.stores.sql.expiring import Expirer
from broker.stores.sql.feedback import SqlFeedback
from broker.stores.sql.figures import SqlFigures
from broker.stores.sql.former_identities import SqlFormerIdentities
from broker.stores.sql.freezing import SqlFreezes
from broker.stores.sql.grants import SqlGrants
from broker.stores.sql.identity_links import SqlIdentityLinks
from broker.stores.sql.incidents import SqlIncidents
from broker.stores.sql.kept_identities import SqlKeptIdentities
from broker.stores.sql.kept_reminders import SqlKeptReminders
from broker.stores.sql.kill_switches import KillSwitchStore
from broker.stores.sql.measures import SqlMeasures
from broker.stores.sql.notices import SqlNotices
from broker.stores.sql.outbox import SqlDeliveries
from broker.stores.sql.own_activity import SqlActivity
from broker.stores.sql.own_sessions import SqlOwnSessions
from broker.stores.sql.passkeys import SqlPasskeys
from broker.stores.sql.people import SqlPeople
from broker.stores.sql.postgres import PostgresDatabase
from broker.stores.sql.proved_sessions import ProvedSessions
from broker.stores.sql.provider_events import SqlProviderEvents
from broker.stores.sql.quality import SqlQuality
from broker.stores.sql.retention import Retention
from broker.stores.sql.saved_views import SqlSavedViews
from broker.stores.sql.schema import Schema
from broker.stores.sql.service_entries import SqlServiceEntries
from broker.stores.sql.session_termination import SessionTermination
from broker.stores.sql.sessions import SqlSessions
from broker.stores.sql.shared_counters import SharedCounters
from broker.stores.sql.sign_in_failures import SqlSignInFailures
from broker.stores.sql.sqlite import SqliteDatabase
from broker.stores.sql.staff_audit import SqlStaffAudit
from broker.stores.sql.staff_drafts import SqlStaffDrafts
from broker.stores.sql.staff_presence import SqlStaffPresence
from broker.stores.sql.staff_sessions import SqlStaffSessions
from broker.stores.sql.status_notes import SqlStatusNotes
from broker.stores.sql.streams import SqlStreams
from broker.stores.sql.upstream_logouts import SqlUpstreamLogouts


@dataclass(frozen=True, slots=True)
class SqlStores:
    """All stores in one database.

    `system` is the given one with a clock that never goes backwards and follows the database's: the whole process
    should use it. `clock` tells whether the process may serve by that clock. `sweep` is called periodically, `maintain`
    about once a second. `schema_is_current` asks the database in one round trip; it raises StoreUnavailable if there is
    no answer. `unwritable` returns why nothing can be written, None if it can. `leased(name)` is a lease: one process
    at a time gets it, the others get None.
    """

    authorizations: SqlAuthorizations
    identity_links: SqlIdentityLinks
    agreements: SqlAgreements
    own_sessions: SqlOwnSessions
    own_activity: SqlActivity
    account_stops: SqlAccountStops
    account_data: SqlAccountData
    passkeys: SqlPasskeys
    kept_identities: SqlKeptIdentities
    kept_reminders: SqlKeptReminders
    former_identities: SqlFormerIdentities
    upstream_logouts: SqlUpstreamLogouts
    provider_events: SqlProviderEvents
    grants: SqlGrants
    client_tokens: SqlClientTokens
    streams: SqlStreams
    sessions: SqlSessions
    audit: SqlAudit
    kill_switches: KillSwitchStore
    counters: SharedCounters
    cases: SqlCases
    freezes: SqlFreezes
    desks: SqlDesks
    case_lists: SqlCaseLists
    incidents: SqlIncidents
    notices: SqlNotices
    deliveries: SqlDeliveries
    pings: SqlPings
    staff_sessions: SqlStaffSessions
    staff_drafts: SqlStaffDrafts
    saved_views: SqlSavedViews
    staff_audit: SqlStaffAudit
    people: SqlPeople
    audit_exports: SqlAuditExports
    audit_search: SqlAuditSearch
    evidence_files: SqlEvidenceFiles
    staff_presence: SqlStaffPresence
    sign_in_failures: SqlSignInFailures
    questions: SqlBackchannelRequests
    audit_chain: AuditChain
    bookings: SqlBookings
    measures: SqlMeasures
    figures: SqlFigures
    claim_releases: SqlClaimReleases
    disruptions: SqlDisruptions
    feedback: SqlFeedback
    status_notes: SqlStatusNotes
    service_entries: SqlServiceEntries
    quality: SqlQuality
    digests: Digests
    system: System
    clock: ClockCheck
    sweep: Callable[[float], Awaitable[int]]
    maintain: Callable[[], Awaitable[None]]
    schema_is_current: Callable[[], Awaitable[bool]]
    unwritable: Callable[[], Awaitable[str | None]]
    leased: Callable[[str], AbstractAsyncContextManager[object | None]]
    close: Callable[[], Awaitable[None]]


async def check_digests(url: str, sealer: Sealer, access: DatabaseAccess = NO_CREDENTIALS) -> None:
    """Opens the keys of the digests with the sealing keys. Raises DigestKeyLost, ValueError and StoreUnavailable."""
    database = _database(url, access, 1)
    try:
        await open_digests(database, sealer)
    finally:
        await database.close()


def _database(url: str, access: DatabaseAccess, connections: int) -> Database:
    where = address(url, access)
    return SqliteDatabase(where.path) if isinstance(where, SqliteAddress) else PostgresDatabase(where, connections)


async def open_sql_stores(
    url: str,
    sealer: Sealer,
    system: System,
    access: DatabaseAccess = NO_CREDENTIALS,
    *,
    connections: int = 8,
    tolerance: float = TOLERANCE,
) -> SqlStores:
    """Opens the database at `sqlite:<path>` or `postgresql://user@host:port/database`.

    The schema must be current (`broker.stores.sql.schema`). `connections` is the most that a process opens to
    PostgreSQL, `tolerance` the tolerated clock skew in seconds. Raises ValueError for an invalid URL, StoreUnavailable
    if the database cannot be reached, DigestKeyLost if its digests were made with a key that these sealing keys do not
    open.
    """
    database = _database(url, access, connections)
    clock = MonotonicWallClock(system.now, system.monotonic, tolerance)
    steady_system = replace(system, now=clock)
    marks = SharedCounters(database)
    session_termination = SessionTermination(database, sealer)
    kill_switches = KillSwitchStore(database, session_termination)
    chain = AuditChain(database)
    check = ClockCheck(clock, marks, Expirer(database), tolerance)
    try:
        await check.read_clocks()
        digests = await open_digests(database, sealer)
    except BaseException:
        await database.close()
        raise

    audit_log, observe_version = SqlAudit(database), kill_switches.observe_version
    proved_sessions = ProvedSessions(database, digests, session_termination)
    upstream_logouts = SqlUpstreamLogouts(database, digests, session_termination)

    async def maintain() -> None:
        """Called about once a second: checks the clock, reloads changed kill switches, seals audit rows."""
        await check.check()
        await kill_switches.check()
        await chain.seal_once()

    cases = SqlCases(database, sealer, audit_log, proved_sessions)
    return SqlStores(
        authorizations=SqlAuthorizations(
            database, digests, session_termination, steady_system, audit_log, observe_version
        ),
        identity_links=SqlIdentityLinks(database, digests, proved_sessions, audit_log),
        agreements=SqlAgreements(database, sealer, audit_log),
        own_activity=SqlActivity(database),
        account_stops=SqlAccountStops(database, sealer, session_termination, proved_sessions, audit_log),
        account_data=SqlAccountData(database, sealer, session_termination, audit_log),
        own_sessions=SqlOwnSessions(database, digests, session_termination),
        passkeys=SqlPasskeys(database, digests, audit_log),
        kept_identities=SqlKeptIdentities(database, digests, proved_sessions, audit_log),
        kept_reminders=SqlKeptReminders(database, sealer, audit_log),
        former_identities=SqlFormerIdentities(database, sealer),
        upstream_logouts=upstream_logouts,
        provider_events=SqlProviderEvents(database, digests, upstream_logouts, proved_sessions, audit_log),
        grants=SqlGrants(database, sealer, audit_log, observe_version),
        client_tokens=SqlClientTokens(database, audit_log, observe_version),
        streams=SqlStreams(database, sealer, audit_log),
        sessions=SqlSessions(database, sealer, session_termination, audit_log, observe_version),
        audit=audit_log,
        kill_switches=kill_switches,
        counters=marks,
        cases=cases,
        freezes=SqlFreezes(database, digests, cases, session_termination, audit_log),
        desks=SqlDesks(database, sealer),
        case_lists=SqlCaseLists(database, sealer),
        incidents=SqlIncidents(database, audit_log),
        notices=SqlNotices(database, sealer, audit_log),
        deliveries=SqlDeliveries(database, sealer),
        pings=SqlPings(database, sealer),
        staff_sessions=SqlStaffSessions(database, sealer),
        staff_drafts=SqlStaffDrafts(database, sealer),
        saved_views=SqlSavedViews(database, sealer),
        staff_audit=SqlStaffAudit(database),
        people=SqlPeople(database, digests, audit_log),
        audit_exports=SqlAuditExports(database, audit_log),
        audit_search=SqlAuditSearch(database),
        evidence_files=SqlEvidenceFiles(database, sealer, audit_log),
        staff_presence=SqlStaffPresence(database),
        sign_in_failures=SqlSignInFailures(database, audit_log),
        questions=SqlBackchannelRequests(database, sealer, audit_log, observe_version),
        audit_chain=chain,
        bookings=SqlBookings(database),
        measures=SqlMeasures(database),
        figures=SqlFigures(database, audit_log),
        claim_releases=SqlClaimReleases(database),
        disruptions=SqlDisruptions(database, audit_log),
        feedback=SqlFeedback(database, sealer, audit_log),
        status_notes=SqlStatusNotes(database, audit_log),
        service_entries=SqlServiceEntries(database, audit_log),
        quality=SqlQuality(database, sealer, audit_log),
        digests=digests,
        system=steady_system,
        clock=check,
        sweep=Retention(database).sweep,
        maintain=maintain,
        schema_is_current=Schema(database).is_current,
        unwritable=database.unwritable,
        leased=database.leased,
        close=database.close,
    )
