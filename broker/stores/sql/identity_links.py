"""Links of identities to accounts: made, moved and ended in one transaction each, with audit rows and ended sessions.

Races are settled by the database:

- Of two accounts to which one identity is linked at once, the primary key of `identities` lets one write pass; the
  other reads what that one wrote and starts again.
- Changes of one account wait for each other: each locks the account's row first (`FOR NO KEY UPDATE`, in the order of
  ids), which does not delay sign-ins.
- A sign-in locks its identity's row before it writes anything. Merging therefore locks the identities of both accounts
  before it moves what belongs to them: in the other order the two would wait for each other.
- A link does not rest on a sign-in that counts no more, also not by a provider's event at the same time (`LiveProofs`).
- Merging deletes the row of the account that is given up, after everything that refers to it was moved. A concurrent
  sign-in that refers to it either commits first, then the foreign key rejects the deletion and the merge starts again;
  or it finds the row deleted and reads the account again (`AccountMerged`). So no pairwise subject is lost.

SQLite has one writer at a time.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    LargeBinary,
    Table,
    Text,
    bindparam,
    delete,
    exists,
    insert,
    literal_column,
    null,
    select,
    tuple_,
    update,
)

from broker.model.account import Dependents, Disclosure, LinkedWay, LinkResult, LinkWrite, UnlinkResult
from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.model.session import LogoutFanOut
from broker.model.store_results import StoreUnavailable
from broker.stores.sql import audit
from broker.stores.sql import sessions as session_rows
from broker.stores.sql.database import AccountMerged, AtomicWrite, Conflict, Database, Row, UnitOfWork
from broker.stores.sql.digests import Digests
from broker.stores.sql.live_proofs import LiveProofs
from broker.stores.sql.passkey_rows import deletions
from broker.stores.sql.proved_sessions import ProvedSessions
from broker.stores.sql.tables import (
    accounts,
    authorization_codes,
    backchannel_requests,
    consents,
    grants,
    identities,
    pairwise_subjects,
    service_blocks,
    sessions,
)

_TRIES: Final = 5
_MOVED: Final[tuple[Table, ...]] = (
    identities,
    pairwise_subjects,
    authorization_codes,
    grants,
    sessions,
    backchannel_requests,
)
"""The tables whose rows move to the other account in a merge, beside the consents and the blocked services."""

_PAGE: Final = 1_000
"""Identities that one query counts, so that it ends in time whatever their number."""

_account: Final = bindparam("account", type_=Text)
_other: Final = bindparam("other", type_=Text)
_issuer: Final = bindparam("issuer", type_=Text)
_digest: Final = bindparam("digest", type_=Text)
_now: Final = bindparam("now", type_=Double)


@dataclass(frozen=True, slots=True)
class RemovedWay:
    """A way that is unlinked, with what ends the sessions that it proved."""

    key: str
    ended: AuditEvent
    logout_fan_out: LogoutFanOut


class SqlIdentityLinks:
    """The ways of accounts in SQL, and what services received of an account."""

    def __init__(
        self,
        database: Database,
        digests: Digests,
        proved_sessions: ProvedSessions,
        audit_log: audit.SqlAudit,
    ) -> None:
        self._database = database
        self._digests = digests
        self._proved_sessions = proved_sessions
        self._audit = audit_log
        self._identities = session_rows.identities(digests.sealer)
        c, theirs = identities.c, pairwise_subjects.alias("theirs")
        mine = pairwise_subjects.c
        self._ways = database.prepare(
            select(c.digest, c.issuer, c.provider, c.level, c.created, c.stopped)
            .where(c.account_id == _account)
            .order_by(c.created, c.digest)
        )
        self._disclosures = database.prepare(
            select(*(consents.c[name] for name in ("client_id", "claim", "first_at", "last_at", "withdrawn")))
            .where(consents.c.account_id == _account)
            .order_by(consents.c.client_id, consents.c.claim)
        )
        self._account = database.prepare(select(accounts.c.id).where(accounts.c.id == _account))
        self._owner = database.prepare(select(c.account_id, c.anchor).where(c.issuer == _issuer, c.digest == _digest))
        self._proofs = LiveProofs(database, digests)
        self._hold_identities = database.prepare(
            select(c.digest)
            .where(database.among(c.account_id, "accounts"))
            .order_by(c.issuer, c.digest)
            .with_for_update(key_share=True)
        )
        self._common = database.prepare(
            select(mine.sector)
            .join_from(pairwise_subjects, theirs, theirs.c.sector == mine.sector)
            .where(mine.account_id == _account, theirs.c.account_id == _other)
            .order_by(mine.sector)
        )
        self._end_kept = [database.prepare(one) for one in deletions(_digest)]
        others = identities.alias("others")
        another = exists(
            select(others.c.digest).where(others.c.account_id == c.account_id, others.c.digest != c.digest)
        )
        self._page = database.prepare(
            select(c.issuer, c.digest, c.provider, another)
            .where(tuple_(c.issuer, c.digest) > tuple_(_issuer, _digest))
            .order_by(c.issuer, c.digest)
            .limit(literal_column(str(_PAGE)))
        )
        self._insert = database.prepare(
            insert(identities).values(
                issuer=_issuer,
                digest=_digest,
                sealed=bindparam("sealed", type_=LargeBinary),
                account_id=_account,
                created=_now,
                provider=bindparam("provider", type_=Text),
                level=bindparam("level", type_=BigInteger),
                anchor=bindparam("anchor", type_=Text),
            )
        )
        self._remove = database.prepare(
            delete(identities).where(c.account_id == _account, c.digest == _digest).returning(c.digest)
        )
        self._forget = database.prepare(
            update(identities)
            .where(c.account_id == _account, c.anchor.is_not(None))
            .values(anchor=null())
            .returning(c.digest)
        )
        self._renew = database.prepare(
            AtomicWrite(None, (session_rows.upsert_session(database, _account),), select(literal_column("1")))
        )
        self._write = database.prepare(AtomicWrite(None, (audit.insert_rows(),), select(literal_column("1"))))
        self._moves = [database.prepare(one) for one in _moves(database)]

    async def ways(self, account: str) -> Sequence[LinkedWay]:
        """The ways of an account, oldest first. One round trip."""
        return [_way(row) for row in await self._database.query(self._ways, {"account": account})]

    async def disclosures(self, account: str) -> Sequence[Disclosure]:
        """What services received of an account, by service and claim. One round trip."""
        return [Disclosure(*row) for row in await self._database.query(self._disclosures, {"account": account})]

    async def common_sectors(self, account: str, issuer: str, subject: str) -> Sequence[str]:
        """The sectors that know both an account and the account of an identity, which keep these from merging."""
        key = self._key(issuer, subject)
        owner = await self._database.query(self._owner, key)
        if not owner or owner[0][0] == account:
            return []
        found = await self._database.query(self._common, {"account": account, "other": owner[0][0]})
        return [row[0] for row in found]

    async def has_account(self, account: str) -> bool:
        """Returns whether there is an account with this id."""
        return bool(await self._database.query(self._account, {"account": account}))

    async def dependents(self, provider: str) -> Dependents:
        """Counts the accounts that a provider leads to, as far as it asserted their identity since it is recorded."""
        after, alone, beside = ("", ""), 0, 0
        while rows := await self._database.query(self._page, {"issuer": after[0], "digest": after[1]}):
            mine = [bool(another) for _, _, asserted_by, another in rows if asserted_by == provider]
            alone, beside = alone + mine.count(False), beside + mine.count(True)
            after = (rows[-1][0], rows[-1][1])
        return Dependents(alone, beside)

    def key(self, issuer: str, subject: str) -> str:
        """The key of the way that an identity is (`LinkedWay.key`)."""
        return self._digests.of_subject(issuer, subject)

    async def link(self, write: LinkWrite) -> LinkResult:
        """Links an identity to an account; what `write` replaces is unlinked in the same transaction."""
        for _ in range(_TRIES):
            with suppress(Conflict, AccountMerged):
                result, event = await self._link(write)
                if event is not None:
                    self._audit.report([event])
                return result
        raise StoreUnavailable("concurrent changes of the same account")

    async def unlink(
        self, account: str, key: str, event: AuditEvent, ended: AuditEvent, fan_out: LogoutFanOut, *, last: bool
    ) -> UnlinkResult:
        """Unlinks a way, and ends the sessions that it proved. With `last` it may be the only one of the account."""
        async with self._database.transaction() as unit:
            await self._proofs.lock(unit, [account])
            ways = [_way(row) for row in await unit.run(self._ways, {"account": account})]
            if key not in [way.key for way in ways]:
                return UnlinkResult.UNKNOWN
            if len(ways) == 1 and not last:
                return UnlinkResult.LAST
            await self._unlink(unit, account, RemovedWay(key, ended, fan_out))
            await unit.run(self._write, {"events": audit.rows([event])})
        self._audit.report([event])
        return UnlinkResult.UNLINKED

    async def forget_anchors(self, account: str, event: AuditEvent) -> int:
        """Forgets the anchors of an account's identities: the next sign-ins set new ones. Returns their number."""
        async with self._database.transaction() as unit:
            forgotten = len(await unit.run(self._forget, {"account": account}))
            if forgotten:
                await unit.run(self._write, {"events": audit.rows([event])})
        if forgotten:
            self._audit.report([event])
        return forgotten

    async def _link(self, write: LinkWrite) -> tuple[LinkResult, AuditEvent | None]:
        account, event = write.account, write.event
        key = self._key(write.identity.issuer, write.identity.subject)
        async with self._database.transaction() as unit:
            before = await unit.run(self._owner, key)
            locked = await self._proofs.lock(unit, [account, *(row[0] for row in before)])
            owner = await unit.run(self._owner, key)
            if account not in locked:
                return LinkResult.GONE, None
            if [tuple(row) for row in owner] != [tuple(row) for row in before]:
                raise Conflict("identities", ("issuer", "digest"))
            if not await self._count(unit, write):
                return LinkResult.OUTDATED, None
            result = await self._attach(unit, write, key, owner[0] if owner else None)
            if result is LinkResult.CONFLICT or (result is LinkResult.ALREADY and write.replaced is None):
                return result, None
            if result is LinkResult.MERGED:
                event = replace(event, details={**event.details, "merged": owner[0][0]})
            if write.session is not None:
                values = session_rows.values(write.session, self._identities)
                await unit.run(self._renew, {"account": account, **values})
            if write.replaced is not None and write.replaced != key["digest"]:
                await self._unlink(unit, account, RemovedWay(write.replaced, write.ended, write.logout_fan_out))
            await unit.run(self._write, {"events": audit.rows([event])})
        return result, event

    async def _count(self, unit: UnitOfWork, write: LinkWrite) -> bool:
        """Whether both sign-ins still count. The same press, sent twice, finds the session that it renewed before."""
        touched = () if write.replaced is None else (write.replaced,)
        renewed = () if write.session is None else (write.session.digest,)
        return await self._proofs.count(unit, write.first, write.identity, touched=touched, renewed=renewed)

    async def _attach(
        self, unit: UnitOfWork, write: LinkWrite, key: Mapping[str, str], found: Row | None
    ) -> LinkResult:
        """Makes the identity one of the account's, unless a service knows both accounts, or it was another person's."""
        identity, account = write.identity, write.account
        owner, stored = (None, None) if found is None else found
        anchor = None
        if identity.anchor is not None:
            anchor = self._digests.of_anchor(identity.issuer, identity.subject, identity.anchor)
        if anchor is not None and stored not in (None, anchor):
            return LinkResult.CONFLICT
        if owner == account:
            return LinkResult.ALREADY
        if owner is None:
            sealed = self._digests.sealed_subject(identity.issuer, key["digest"], identity.subject)
            values = {"provider": identity.provider, "level": int(identity.level), "now": write.event.at}
            await unit.run(self._insert, {**key, **values, "account": account, "sealed": sealed, "anchor": anchor})
            return LinkResult.LINKED
        both = {"account": account, "other": owner}
        await unit.run(self._hold_identities, {"accounts": [account, owner]})
        if await unit.run(self._common, both):
            return LinkResult.CONFLICT
        for move in self._moves:
            await unit.run(move, both)
        return LinkResult.MERGED

    async def _unlink(self, unit: UnitOfWork, account: str, removed: RemovedWay) -> None:
        """Deletes the identity with what is kept of it, and ends the live sessions that it proved."""
        await unit.run(self._remove, {"account": account, "digest": removed.key})
        for statement in self._end_kept:
            await unit.run(statement, {"digest": removed.key})
        await self._proved_sessions.end(unit, account, removed.key, removed.ended, removed.logout_fan_out)

    def _key(self, issuer: str, subject: str) -> Mapping[str, str]:
        return {"issuer": issuer, "digest": self.key(issuer, subject)}


def _moves(database: Database) -> Sequence[Any]:
    """The statements of a merge, in order: everything of `other` becomes `account`'s, then `other` is deleted."""
    return [
        *_copied(database, consents),
        *_copied(database, service_blocks),
        *(update(table).where(table.c.account_id == _other).values(account_id=_account) for table in _MOVED),
        delete(accounts).where(accounts.c.id == _other),
    ]


def _copied(database: Database, table: Table) -> Sequence[Any]:
    """The statements that move the rows of a table whose key the account is a part of. Those of `account` stay."""
    columns = [column.name for column in table.columns]
    theirs: list[ColumnElement[Any]] = [_account if name == "account_id" else table.c[name] for name in columns]
    copied = database.upsert(table).from_select(columns, select(*theirs).where(table.c.account_id == _other))
    kept = [column.name for column in table.primary_key.columns]
    return [copied.on_conflict_do_nothing(index_elements=kept), delete(table).where(table.c.account_id == _other)]


def _way(row: Row) -> LinkedWay:
    key, issuer, provider, level, linked, stopped = row
    return LinkedWay(key, issuer, provider, None if level is None else Level(level), linked, stopped)
