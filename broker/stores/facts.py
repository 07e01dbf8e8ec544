"""Everything that is kept in SQL, opened by its address."""

import ssl
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from broker.ambient import Ambient
from broker.model.notice import Notice
from broker.seal import Sealer
from broker.stores.clock_check import TOLERANCE, ClockCheck
from broker.stores.sql.address import SqliteAddress, address
from broker.stores.sql.answers import SqlAnswers
from broker.stores.sql.audit import SqlAudit
from broker.stores.sql.audit_chain import AuditChain
from broker.stores.sql.cases import SqlCases
from broker.stores.sql.database import Database
from broker.stores.sql.digests import Digests, open_digests
from broker.stores.sql.endings import Endings
from broker.stores.sql.expiring import Expirer
from broker.stores.sql.grants import SqlGrants
from broker.stores.sql.marks import Marks
from broker.stores.sql.outbox import SqlDeliveries, SqlOutbox, outbox
from broker.stores.sql.postgres import PostgresDatabase
from broker.stores.sql.questions import SqlQuestions
from broker.stores.sql.schema import Schema
from broker.stores.sql.sessions import SqlSessions
from broker.stores.sql.sqlite import SqliteDatabase
from broker.stores.sql.staff_sessions import SqlStaffSessions
from broker.stores.sql.sweep import Sweeper
from broker.stores.sql.switches import Board
from broker.stores.steady import SteadyClock


@dataclass(frozen=True, slots=True)
class Facts:
    """The stores of facts over one database.

    `ambient` is the one that was given, with a clock that never goes back and is held against the database's: the
    whole process should use it. `clock` says whether the process may serve by that clock.
    `sweep` is called with the time now and then, `tick` about once a second.
    `schema_is_current` asks the database in one round trip; it raises Unavailable where there is no answer.
    `unwritable` says why nothing can be written now, None if it can.
    `leased(name)` lets one process at a time in: the others get None.
    """

    answers: SqlAnswers
    grants: SqlGrants
    sessions: SqlSessions
    audit: SqlAudit
    switches: Board
    marks: Marks
    cases: SqlCases
    outbox: SqlOutbox[Notice]
    deliveries: SqlDeliveries
    staff_sessions: SqlStaffSessions
    questions: SqlQuestions
    chain: AuditChain
    digests: Digests
    ambient: Ambient
    clock: ClockCheck
    sweep: Callable[[float], Awaitable[int]]
    tick: Callable[[], Awaitable[None]]
    schema_is_current: Callable[[], Awaitable[bool]]
    unwritable: Callable[[], Awaitable[str | None]]
    leased: Callable[[str], AbstractAsyncContextManager[object | None]]
    close: Callable[[], Awaitable[None]]


async def check_digests(
    url: str, sealer: Sealer, password: str | None = None, tls: ssl.SSLContext | None = None
) -> None:
    """Opens the keys of the digests with the sealing keys. Raises DigestKeyLost, ValueError and Unavailable."""
    database = _database(url, password, tls, 1)
    try:
        await open_digests(database, sealer)
    finally:
        await database.close()


def _database(url: str, password: str | None, tls: ssl.SSLContext | None, connections: int) -> Database:
    where = address(url, password, tls)
    return SqliteDatabase(where.path) if isinstance(where, SqliteAddress) else PostgresDatabase(where, connections)


async def open_facts(
    url: str,
    sealer: Sealer,
    ambient: Ambient,
    *,
    password: str | None = None,
    connections: int = 8,
    tls: ssl.SSLContext | None = None,
    tolerance: float = TOLERANCE,
) -> Facts:
    """Opens the facts at `sqlite:<path>` or `postgresql://user@host:port/database`.

    The schema must be current (`broker.stores.sql.schema`). `connections` is the most a process opens to PostgreSQL,
    `tolerance` by how many seconds this machine's clock may differ from the database's.
    With `tls` connections to PostgreSQL are encrypted, without it they are plain.
    Raises ValueError for an address that is none, Unavailable where the database cannot be reached, DigestKeyLost
    if its digests were made with a key that these sealing keys do not open.
    """
    database = _database(url, password, tls, connections)
    clock = SteadyClock(ambient.now, ambient.tick, tolerance)
    steady = replace(ambient, now=clock)
    marks = Marks(database)
    endings = Endings(database, sealer)
    board = Board(database, endings)
    chain = AuditChain(database)
    check = ClockCheck(clock, marks, Expirer(database), tolerance)
    try:
        await check.look()
        digests = await open_digests(database, sealer)
    except BaseException:
        await database.close()
        raise

    async def tick() -> None:
        """To be called about once a second: checks the clock, looks for changed switches, seals audit rows."""
        await check.check()
        await board.check()
        await chain.seal_once()

    return Facts(
        answers=SqlAnswers(database, digests, endings, steady, board.heard),
        grants=SqlGrants(database, sealer, board.heard),
        sessions=SqlSessions(database, sealer, endings, board.heard),
        audit=SqlAudit(database),
        switches=board,
        marks=marks,
        cases=SqlCases(database, sealer),
        outbox=outbox(database, sealer),
        deliveries=SqlDeliveries(database, sealer),
        staff_sessions=SqlStaffSessions(database, sealer),
        questions=SqlQuestions(database, sealer, board.heard),
        chain=chain,
        digests=digests,
        ambient=steady,
        clock=check,
        sweep=Sweeper(database).sweep,
        tick=tick,
        schema_is_current=Schema(database).is_current,
        unwritable=database.unwritable,
        leased=database.leased,
        close=database.close,
    )
