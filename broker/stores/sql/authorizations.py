"""Authorizations of services: account, pairwise subject, code, consent and session, written together."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    Insert,
    LargeBinary,
    Text,
    Update,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal_column,
    null,
    or_,
    select,
    update,
)

from broker.model.audit import AuditEvent
from broker.model.grant import ReleasedIdentity
from broker.model.store_results import (
    AuthorizationWrite,
    AuthorizationWritten,
    LinkedIdentity,
    StoreUnavailable,
    SupersededSession,
)
from broker.platform.system import System
from broker.stores.record_codec import RecordCodec, SealedCodec
from broker.stores.sql import audit
from broker.stores.sql import authorization_codes as code_rows
from broker.stores.sql import sessions as session_rows
from broker.stores.sql.backchannel_requests import confirmed
from broker.stores.sql.database import (
    AccountMerged,
    AtomicWrite,
    Conflict,
    Database,
    InsertRows,
    Prepared,
    Row,
    Step,
)
from broker.stores.sql.digests import Digests
from broker.stores.sql.session_termination import SessionTermination
from broker.stores.sql.shared_counters import is_mark
from broker.stores.sql.tables import (
    accounts,
    authorization_codes,
    consents,
    identities,
    pairwise_subjects,
    service_blocks,
    shared_counters,
)

_TRIES: Final = 5
_SUB: Final = "sub"
"""Every authorization shares the pairwise subject, so every consent has this row."""

_issuer: Final = bindparam("issuer", type_=Text)
_identity: Final = bindparam("identity", type_=Text)
_sealed: Final = bindparam("identity_sealed", type_=LargeBinary)
_provider: Final = bindparam("provider", type_=Text)
_level: Final = bindparam("level", type_=BigInteger)
_anchor: Final = bindparam("anchor", type_=Text)
_sector: Final = bindparam("sector", type_=Text)
_now: Final = bindparam("now", type_=Double)

ACCOUNT: Final[ColumnElement[str]] = func.coalesce(
    select(identities.c.account_id)
    .where(identities.c.issuer == _issuer, identities.c.digest == _identity)
    .scalar_subquery(),
    bindparam("account", type_=Text),
)
"""The account: the existing one of (issuer, digest of the subject), else the proposed one."""

SUBJECT: Final[ColumnElement[str]] = func.coalesce(
    select(pairwise_subjects.c.sub)
    .where(pairwise_subjects.c.account_id == ACCOUNT, pairwise_subjects.c.sector == _sector)
    .scalar_subquery(),
    bindparam("subject", type_=Text),
)
"""The pairwise subject: the existing one of (account, sector), else the proposed one."""


_SEEN: Final = exists(
    select(identities.c.issuer).where(identities.c.issuer == _issuer, identities.c.digest == _identity)
)


_NEVER: Final = literal_column("1e18", Double)
_OFF: Final = or_(identities.c.blocked.is_not(None), identities.c.stopped.is_not(None))
_COUNTS: Final = func.coalesce(
    select(case((_OFF, _NEVER), else_=func.coalesce(identities.c.fresh_after, 0.0)))
    .where(identities.c.issuer == _issuer, identities.c.digest == _identity)
    .with_for_update(key_share=True)
    .scalar_subquery(),
    literal_column("0", Double),
) <= bindparam("proved", type_=Double)
"""Whether the sign-in counts: not if the provider reported, perhaps while the citizen signed in, that its account is
disabled or its credential lost, or the citizen stopped it. The row is locked against the write of such an event: it
comes before, and this write sees it, or after, and sees the session and the code of this write. The lock is not a
shared one: two sign-ins of one citizen that both update the row would wait for each other."""


def _account(passed: ColumnElement[bool]) -> Insert:
    values = select(bindparam("account", type_=Text), _now).where(passed, ~_SEEN)
    return insert(accounts).from_select(["id", "created"], values)


def _person(passed: ColumnElement[bool]) -> Insert:
    values = select(_issuer, _identity, _sealed, bindparam("account", type_=Text), _now, _provider, _level, _anchor)
    names = ["issuer", "digest", "sealed", "account_id", "created", "provider", "level", "anchor"]
    return insert(identities).from_select(names, values.where(passed, ~_SEEN))


def _stronger(passed: ColumnElement[bool]) -> Update:
    """Records the level of an identity that reached none as high before, and its provider with it."""
    c = identities.c
    weaker = and_(c.issuer == _issuer, c.digest == _identity, or_(c.level.is_(None), c.level < _level))
    return update(identities).where(passed, weaker).values(provider=_provider, level=_level)


def _anchored(passed: ColumnElement[bool]) -> Update:
    """Records the anchor of an identity that has none."""
    c = identities.c
    none = and_(c.issuer == _issuer, c.digest == _identity, c.anchor.is_(None))
    return update(identities).where(passed, none).values(anchor=_anchor)


def _pair(passed: ColumnElement[bool]) -> Insert:
    given = exists(
        select(pairwise_subjects.c.sub).where(
            pairwise_subjects.c.account_id == ACCOUNT, pairwise_subjects.c.sector == _sector
        )
    )
    wanted = and_(passed, _sector.is_not(None), ~given)
    values = select(ACCOUNT, _sector, bindparam("subject", type_=Text), _now).where(wanted)
    return insert(pairwise_subjects).from_select(["account_id", "sector", "sub", "created"], values)


def _shared() -> InsertRows:
    same = {
        "account_id": ACCOUNT,
        "client_id": bindparam("client_id", type_=Text),
        "first_at": _now,
        "last_at": _now,
        "withdrawn": null(),
    }
    key, renewed = ("account_id", "client_id", "claim"), ("last_at", "withdrawn")
    return InsertRows(consents, "shares", ("claim",), same, key, renewed)


def _deed(database: Database, kind: str, *, anchored: bool) -> AtomicWrite:
    then: tuple[Step | InsertRows, ...] = (
        _account,
        _person,
        _stronger,
        *((_anchored,) if anchored else ()),
        _pair,
        _shared(),
        session_rows.upsert_session(database, ACCOUNT),
        audit.insert_rows({"account_id": ACCOUNT, "fact": bindparam("fact", type_=Text)}),
    )
    match kind:
        case "code":
            return AtomicWrite(
                code_rows.upsert_code(database, ACCOUNT, SUBJECT, _COUNTS),
                (*then, session_rows.upsert_client(database, SUBJECT)),
            )
        case "question":
            gate = confirmed(ACCOUNT, SUBJECT, _COUNTS)
            return AtomicWrite(gate, (code_rows.following(ACCOUNT, SUBJECT), *then))
        case _:
            return AtomicWrite(select(ACCOUNT.label("account"), SUBJECT.label("subject")).where(_COUNTS), then)


class _Reassigned(Exception):
    """The identity is another person's: nothing is written."""


class SqlAuthorizations:
    """Authorizations in SQL."""

    def __init__(
        self,
        database: Database,
        digests: Digests,
        session_termination: SessionTermination,
        system: System,
        audit_log: audit.SqlAudit,
        observe_version: Callable[[int], None],
    ) -> None:
        self._database = database
        self._audit = audit_log
        self._digests = digests
        self._session_termination = session_termination
        self._system = system
        self._observe_version = observe_version
        self._releases = SealedCodec(digests.sealer, RecordCodec(ReleasedIdentity))
        self._identities = session_rows.identities(digests.sealer)
        mine = and_(pairwise_subjects.c.account_id == identities.c.account_id, pairwise_subjects.c.sector == _sector)
        client_id = bindparam("client_id", type_=Text)
        with_it = and_(
            consents.c.account_id == identities.c.account_id,
            consents.c.client_id == client_id,
            consents.c.withdrawn.is_(None),
        )
        refused = exists(
            select(service_blocks.c.at).where(
                service_blocks.c.account_id == identities.c.account_id, service_blocks.c.client_id == client_id
            )
        )
        person = and_(identities.c.issuer == _issuer, identities.c.digest == _identity)
        self._known = database.prepare(
            select(
                shared_counters.c.value,
                identities.c.account_id,
                pairwise_subjects.c.sub,
                consents.c.claim,
                identities.c.anchor,
                identities.c.blocked,
                identities.c.fresh_after,
                refused,
                identities.c.stopped,
            )
            .select_from(
                shared_counters.outerjoin(identities, person)
                .outerjoin(pairwise_subjects, mine)
                .outerjoin(consents, with_it)
            )
            .where(is_mark("kill_switches"))
            .order_by(consents.c.claim)
        )
        self._issued = database.prepare(
            select(authorization_codes.c.digest)
            .where(
                or_(
                    authorization_codes.c.transaction_id == bindparam("transaction", type_=Text),
                    authorization_codes.c.par_digest == bindparam("pushed", type_=Text),
                )
            )
            .limit(1)
        )
        shared = (consents.c.account_id == bindparam("account", type_=Text), consents.c.client_id == client_id)
        self._leave_out = database.prepare(
            update(consents)
            .where(*shared, consents.c.withdrawn.is_(None), database.among(consents.c.claim, "claims"))
            .values(withdrawn=_now)
            .returning(consents.c.claim)
        )
        self._audited = database.prepare(AtomicWrite(None, (audit.insert_rows(),), select(literal_column("1"))))
        self._anchor = database.prepare(select(identities.c.anchor).where(person))
        self._deeds = {
            (kind, anchored): database.prepare(_deed(database, kind, anchored=anchored))
            for kind in ("code", "question", "session")
            for anchored in (False, True)
        }

    async def code_issued(self, transaction: str, pushed: str | None) -> bool:
        """Whether a code was written for a transaction, or for a pushed request. One round trip."""
        return bool(await self._database.query(self._issued, {"transaction": transaction, "pushed": pushed}))

    async def linked_identity(
        self, issuer: str, subject: str, sector: str, client_id: str, anchor: str | None = None
    ) -> LinkedIdentity | None:
        """What is stored for (issuer, subject) and a service; None for an unknown citizen. One round trip."""
        digest = self._digests.of_subject(issuer, subject)
        parameters = {"issuer": issuer, "identity": digest, "sector": sector, "client_id": client_id}
        rows = await self._database.query(self._known, parameters)
        self._observe_version(rows[0][0])
        if rows[0][1] is None:
            return None
        claims = tuple(row[3] for row in rows if row[3] is not None)
        shared = tuple(claim for claim in claims if claim != _SUB) if claims else None
        another = self._is_another(issuer, subject, anchor, rows[0][4])
        _, account, sub, _, _, blocked, fresh_after, refused, stopped = rows[0]
        off, halted = blocked is not None, stopped is not None
        return LinkedIdentity(account, sub, shared, another, off, fresh_after, bool(refused), halted)

    def _is_another(self, issuer: str, subject: str, anchor: str | None, stored: str | None) -> bool:
        """Whether the anchor of a sign-in is not the one stored with its identity."""
        if anchor is None or stored is None:
            return False
        return self._digests.of_anchor(issuer, subject, anchor) != stored

    async def leave_out(self, account: str, client_id: str, claims: Sequence[str], event: AuditEvent) -> None:
        """Ends the sharing of claims with a service: they go out again only if the citizen chooses them again."""
        key = {"account": account, "client_id": client_id, "claims": list(claims), "now": event.at}
        async with self._database.transaction() as unit:
            if not await unit.run(self._leave_out, key):
                return
            await unit.run(self._audited, {"events": audit.rows([event])})
        self._audit.report([event])

    async def record(self, answer: AuthorizationWrite) -> AuthorizationWritten | None:
        """Writes an authorization in one transaction. An unredeemed code of the same transaction is replaced.

        Audit rows are written once for each fact, however often it is recorded.

        Returns None, and writes nothing, if the transaction's code was already redeemed, its pushed request was already
        answered in another transaction, or its backchannel request is no longer pending or belongs to another citizen;
        or if another person was signed in with the same identity meanwhile, the provider disabled its account, or the
        sign-in counts no more.
        If a concurrent authorization of the same citizen was faster, it is tried once more with the new rows.
        """
        kind = "session" if answer.code is None else "question" if answer.question else "code"
        prepared, parameters = self._deeds[kind, answer.anchor is not None], self._parameters(answer)
        for _ in range(_TRIES):
            # a unique key is taken by a concurrent authorization, or the account was merged into another one meanwhile:
            # the next attempt reads what was changed
            with suppress(Conflict, AccountMerged):
                try:
                    rows = await self._perform(prepared, parameters, answer.replaced)
                except _Reassigned:
                    return None
                if not rows:
                    return None
                self._audit.report(answer.events)
                return AuthorizationWritten(*rows[0])
        raise StoreUnavailable("concurrent authorizations of the same citizen")

    async def _perform(
        self, prepared: Prepared, parameters: Mapping[str, object], replaced: SupersededSession | None
    ) -> Sequence[Row]:
        """One round trip, except for an identity with an anchor, and for the rare authorization that ends the session
        of the browser's previous user. Raises _Reassigned if another person's anchor is stored with the identity."""
        anchor = parameters["anchor"]
        if replaced is None and anchor is None:
            return await self._database.perform(prepared, parameters)
        async with self._database.transaction() as unit:
            rows = await unit.run(prepared, parameters)
            if anchor is not None:
                stored = await unit.run(self._anchor, {name: parameters[name] for name in ("issuer", "identity")})
                if rows and stored[0][0] != anchor:
                    raise _Reassigned
            if rows and replaced is not None:
                await self._session_termination.of_digest(
                    unit, replaced.digest, replaced.event, replaced.logout_fan_out
                )
            return rows

    def _parameters(self, answer: AuthorizationWrite) -> Mapping[str, object]:
        client_id = answer.client_id if answer.code is None else answer.code.client_id
        shared = {_SUB, *answer.shared} if client_id is not None else set()
        digest = self._digests.of_subject(answer.issuer, answer.identity_subject)
        anchor = answer.anchor
        return {
            "issuer": answer.issuer,
            "identity": digest,
            "anchor": None
            if anchor is None
            else self._digests.of_anchor(answer.issuer, answer.identity_subject, anchor),
            "identity_sealed": self._digests.sealed_subject(answer.issuer, digest, answer.identity_subject),
            "provider": answer.provider,
            "level": int(answer.level),
            "account": answer.account,
            "sector": answer.sector,
            "subject": answer.subject,
            "client_id": client_id,
            "now": self._system.now(),
            "shares": [{"claim": claim} for claim in sorted(shared)],
            "events": audit.rows(answer.events),
            "fact": answer.fact,
            "proved": min(answer.proved, 1e17),
            **({} if answer.question is None else {"question": answer.question}),
            **({} if answer.code is None else code_rows.values(answer.code, self._releases)),
            **session_rows.values(answer.session, self._identities),
        }
