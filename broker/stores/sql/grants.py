"""Grants and tokens. A code is redeemed by one conditional update, in the transaction of everything that depends on
it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Double,
    Insert,
    LargeBinary,
    Text,
    Update,
    and_,
    bindparam,
    exists,
    insert,
    literal_column,
    null,
    select,
    update,
)

from broker.crypto.seal import Sealer
from broker.model.audit import AuditEvent
from broker.model.grant import AssertionUse, Grant, ReleasedIdentity, StoredToken
from broker.model.store_results import RedeemResult, StoredCode
from broker.stores.record_codec import RecordCodec, SealedCodec
from broker.stores.sql import audit
from broker.stores.sql import authorization_codes as kept_codes
from broker.stores.sql import used_jtis as uses
from broker.stores.sql.database import AtomicWrite, Conflict, Database, InsertRows, Parameters, Prepared, Row
from broker.stores.sql.sessions import has_ended
from broker.stores.sql.shared_counters import EPOCH, VERSION, is_mark
from broker.stores.sql.tables import authorization_codes, grants, service_blocks, shared_counters, tokens


@dataclass(frozen=True, slots=True)
class GrantTerms:
    """What a grant is bound to; none of it is personal data."""

    scope: tuple[str, ...]
    nonce: str | None = None
    dpop_jkt: str | None = None


_TERMS: Final = RecordCodec(GrantTerms)
_TOKEN: Final = ("digest", "kind", "created", "expires", "dpop_jkt", "x5t", "scope")
_digest: Final = bindparam("digest", type_=Text)
_grant: Final = bindparam("grant", type_=Text)
_now: Final = bindparam("now", type_=Double)
_LIVE: Final = (grants.c.revoked.is_(None), grants.c.epoch == EPOCH, ~has_ended(grants.c.sid))
"""The condition of a live grant: not revoked, and its session has not ended."""

_REFRESH: Final[ColumnElement[str]] = literal_column("'refresh'")


def place(grant: str) -> str:
    return f"grants:{grant}"


# Steps of atomic writes


def _granted(passed: ColumnElement[bool]) -> Insert:
    columns = {
        "id": _grant,
        "client_id": bindparam("client_id", type_=Text),
        "account_id": bindparam("account", type_=Text),
        "subject": bindparam("subject", type_=Text),
        "created": bindparam("created", type_=Double),
        "expires": bindparam("expires", type_=Double),
        "terms": bindparam("terms", type_=Text),
        "sealed": bindparam("sealed", type_=LargeBinary),
        "epoch": EPOCH,
        "sid": bindparam("ends_with", type_=Text),
    }
    return insert(grants).from_select(list(columns), select(*columns.values()).where(passed))


def _issued() -> InsertRows:
    return InsertRows(tokens, "tokens", _TOKEN, {"grant_id": _grant, "epoch": EPOCH})


def _grant_of_code() -> Any:
    return select(authorization_codes.c.grant_id).where(authorization_codes.c.digest == _digest).scalar_subquery()


def _grant_of_token(which: ColumnElement[str] = _digest) -> Any:
    this = select(tokens.c.grant_id).where(tokens.c.digest == which, tokens.c.kind == _REFRESH)
    return this.correlate(None).scalar_subquery()


def _grant_revoked(which: ColumnElement[Any]) -> Update:
    revoked = update(grants).where(grants.c.id == which, grants.c.revoked.is_(None))
    return revoked.values(revoked=_now, sealed=null())


def _tokens_revoked(which: ColumnElement[Any]) -> Update:
    return update(tokens).where(tokens.c.grant_id == which, tokens.c.revoked.is_(None)).values(revoked=_now)


# Atomic writes


_BLOCKED: Final = exists(
    select(service_blocks.c.at)
    .where(
        service_blocks.c.account_id == authorization_codes.c.account_id,
        service_blocks.c.client_id == authorization_codes.c.client_id,
    )
    .correlate(authorization_codes)
)
"""The condition that the citizen blocked the code's service. A code that was written while they did so is not among
those that the block ended; it is written after the block, which locks the account's identities, and refused here."""


def _redemption() -> AtomicWrite:
    unredeemed = and_(
        authorization_codes.c.digest == _digest,
        authorization_codes.c.redeemed.is_(None),
        authorization_codes.c.epoch == EPOCH,
        ~has_ended(authorization_codes.c.sid),
        ~_BLOCKED,
    )
    redeemed = update(authorization_codes).where(unredeemed).values(redeemed=_now, grant_id=_grant, sealed=null())
    return AtomicWrite(
        redeemed.returning(authorization_codes.c.digest), (uses.insert_use(), _granted, _issued(), audit.insert_rows())
    )


def _code_revocation() -> AtomicWrite:
    return AtomicWrite(
        _grant_revoked(_grant_of_code()).returning(grants.c.id),
        (lambda passed: _tokens_revoked(_grant_of_code()).where(passed), audit.insert_rows()),
    )


def _refreshment() -> AtomicWrite:
    columns = {
        "digest": _digest,
        "grant_id": grants.c.id,
        "kind": bindparam("kind", type_=Text),
        "created": bindparam("created", type_=Double),
        "expires": bindparam("expires", type_=Double),
        "dpop_jkt": bindparam("dpop_jkt", type_=Text),
        "x5t": bindparam("x5t", type_=Text),
        "scope": bindparam("scope", type_=Text),
        "epoch": EPOCH,
    }
    live = and_(grants.c.id == _grant, *_LIVE)
    token = insert(tokens).from_select(list(columns), select(*columns.values()).where(live))
    return AtomicWrite(token.returning(tokens.c.digest), (uses.insert_use(), audit.insert_rows()))


def _rotation() -> AtomicWrite:
    alive = select(grants.c.id).where(*_LIVE)
    before = bindparam("before", type_=Text)  # each new token has a `digest` parameter
    unused = and_(tokens.c.digest == before, tokens.c.kind == _REFRESH, tokens.c.revoked.is_(None))
    used = update(tokens).where(unused, tokens.c.grant_id.in_(alive)).values(revoked=_now)
    issued = InsertRows(tokens, "tokens", _TOKEN, {"grant_id": _grant_of_token(before), "epoch": EPOCH})
    return AtomicWrite(used.returning(tokens.c.digest), (issued, audit.insert_rows()))


def _replay() -> AtomicWrite:
    of_used = select(tokens.c.grant_id).where(
        tokens.c.digest == _digest, tokens.c.kind == _REFRESH, tokens.c.revoked.is_not(None)
    )
    mine = and_(grants.c.client_id == bindparam("client_id", type_=Text), grants.c.epoch == EPOCH)
    revoked = _grant_revoked(of_used.scalar_subquery()).where(mine)
    owner = select(grants.c.account_id).where(grants.c.id == _grant_of_token()).correlate(None).scalar_subquery()
    return AtomicWrite(
        revoked.returning(grants.c.id),
        (
            lambda passed: _tokens_revoked(_grant_of_token()).where(passed),
            audit.insert_rows({"grant_id": _grant_of_token(), "account_id": owner}),
        ),
    )


def _revocation() -> AtomicWrite:
    mine = select(grants.c.id).where(grants.c.client_id == bindparam("client_id", type_=Text))
    live = and_(tokens.c.digest == _digest, tokens.c.revoked.is_(None), tokens.c.epoch == EPOCH)
    revoked = update(tokens).where(live, tokens.c.grant_id.in_(mine)).values(revoked=_now)
    others = _tokens_revoked(_grant_of_token()).where(tokens.c.digest != _digest)
    return AtomicWrite(
        revoked.returning(tokens.c.digest),
        (
            lambda passed: others.where(passed),
            lambda passed: _grant_revoked(_grant_of_token()).where(passed),
            audit.insert_rows(),
        ),
    )


class SqlGrants:
    """Codes, grants and tokens in SQL."""

    def __init__(
        self, database: Database, sealer: Sealer, audit_log: audit.SqlAudit, observe_version: Callable[[int], None]
    ) -> None:
        self._database = database
        self._audit = audit_log
        self._observe_version = observe_version
        self._releases = SealedCodec(sealer, RecordCodec(ReleasedIdentity))
        of_code = and_(authorization_codes.c.digest == _digest, authorization_codes.c.epoch == EPOCH)
        live = and_(tokens.c.digest == _digest, tokens.c.revoked.is_(None), tokens.c.epoch == EPOCH)
        of_token = and_(grants.c.id == tokens.c.grant_id, *_LIVE)
        self._code = database.prepare(
            select(shared_counters.c.value, uses.recorded(), *kept_codes.READ, has_ended(authorization_codes.c.sid))
            .select_from(shared_counters.outerjoin(authorization_codes, of_code))
            .where(is_mark("kill_switches"))
        )
        self._token = database.prepare(
            select(shared_counters.c.value, *(tokens.c[name] for name in _TOKEN), *_GRANT)
            .select_from(shared_counters.outerjoin(tokens, live).outerjoin(grants, of_token))
            .where(is_mark("kill_switches"))
        )
        self._token_for = database.prepare(
            select(shared_counters.c.value, uses.recorded(), *(tokens.c[name] for name in _TOKEN), *_GRANT)
            .select_from(shared_counters.outerjoin(tokens, live).outerjoin(grants, of_token))
            .where(is_mark("kill_switches"))
        )
        self._redeem = database.prepare(_redemption())
        self._revoke_code = database.prepare(_code_revocation())
        self._refresh = database.prepare(_refreshment())
        self._rotate = database.prepare(_rotation())
        self._replay = database.prepare(_replay())
        self._revoke = database.prepare(_revocation())
        used = uses.insert_use()(literal_column("(1 = 1)"))
        self._use = database.prepare(used.returning(VERSION))
        self._used = database.prepare(select(uses.recorded()))

    async def code(self, digest: str) -> StoredCode | None:
        """Returns the code with this digest, expired or not. Its release is empty after the redemption. One round
        trip."""
        found = await self.code_for(digest, None)
        return None if isinstance(found, RedeemResult) else found

    async def code_for(self, digest: str, use: AssertionUse | None) -> StoredCode | RedeemResult | None:
        """The same for a caller with a client assertion: ASSERTION_USED_BEFORE if it was used before. One round
        trip."""
        row = (await self._database.query(self._code, {"digest": digest, **uses.recorded_parameters(use)}))[0]
        self._observe_version(row[0])
        if row[1]:
            return RedeemResult.ASSERTION_USED_BEFORE
        code = None if row[2] is None else kept_codes.code(row[2:], self._releases)
        if code is None:
            return None
        return StoredCode(code, redeemed=row[-3] is not None, grant=row[-2], session_ended=bool(row[-1]))

    async def redeem(
        self,
        digest: str,
        grant: Grant,
        tokens: Sequence[StoredToken],
        assertion: AssertionUse | None,
        events: Sequence[AuditEvent],
    ) -> RedeemResult:
        """Redeems a code: one conditional update and everything that depends on it, in one transaction. Nothing is
        written unless DONE."""
        terms = GrantTerms(grant.scope, grant.nonce, grant.dpop_jkt)
        parameters = {
            "digest": digest,
            "now": grant.created,
            "grant": grant.id,
            "client_id": grant.client_id,
            "account": grant.account,
            "subject": grant.release.subject,
            "created": grant.created,
            "expires": grant.expires,
            "terms": _TERMS.write(terms).decode(),
            "sealed": self._releases.write(replace(grant.release, subject=""), place(grant.id)),
            "ends_with": grant.ends_with,
            "tokens": _token_rows(tokens),
            **uses.insert_parameters(assertion),
        }
        return await self._once(self._redeem, parameters, events)

    async def revoke_code(self, digest: str, now: float, event: AuditEvent) -> None:
        """Revokes everything issued from a code, after a second redemption. Does nothing if it was revoked already.

        The event is reported in any case, so that operators see each attempt.
        """
        await self._database.perform(self._revoke_code, {"digest": digest, "now": now, "events": audit.rows([event])})
        self._audit.report([event])

    async def token(self, digest: str) -> tuple[StoredToken, Grant] | None:
        """Returns a live token and its grant; None if unknown or revoked. The caller checks expiry. One round trip."""
        row = (await self._database.query(self._token, {"digest": digest}))[0]
        self._observe_version(row[0])
        return self._with_grant(row[1:])

    async def token_for(self, digest: str, use: AssertionUse | None) -> tuple[StoredToken, Grant] | RedeemResult | None:
        """The same for a caller with a client assertion: ASSERTION_USED_BEFORE if it was used before. One round
        trip."""
        row = (await self._database.query(self._token_for, {"digest": digest, **uses.recorded_parameters(use)}))[0]
        self._observe_version(row[0])
        return RedeemResult.ASSERTION_USED_BEFORE if row[1] else self._with_grant(row[2:])

    def _with_grant(self, row: Row) -> tuple[StoredToken, Grant] | None:
        token, grant_row = row[: len(_TOKEN)], row[len(_TOKEN) :]
        if token[0] is None or grant_row[0] is None:
            return None
        grant = self._grant(grant_row)
        return None if grant is None else (StoredToken(*token), grant)

    async def refresh(
        self, grant: str, access: StoredToken, assertion: AssertionUse | None, events: Sequence[AuditEvent]
    ) -> RedeemResult:
        """Issues an access token on a live grant. USED_BEFORE if the grant was revoked meanwhile."""
        parameters = {
            "grant": grant,
            **{name: getattr(access, name) for name in _TOKEN},
            **uses.insert_parameters(assertion),
        }
        return await self._once(self._refresh, parameters, events)

    async def rotate(
        self, digest: str, tokens: Sequence[StoredToken], now: float, events: Sequence[AuditEvent]
    ) -> RedeemResult:
        """Rotates a refresh token: it is used up and new tokens replace it. USED_BEFORE if it was no longer valid."""
        parameters = {"before": digest, "now": now, "tokens": _token_rows(tokens)}
        rotated = await self._audit.perform(self._rotate, parameters, events)
        return RedeemResult.DONE if rotated else RedeemResult.USED_BEFORE

    async def revoke_used(self, digest: str, client_id: str, now: float, event: AuditEvent) -> bool:
        """Revokes the whole grant of a used-up refresh token of this client (reuse detection); the audit row names the
        grant.

        False, and nothing written, if the token is unknown, still unused, or of a grant that was revoked before.
        """
        parameters = {"digest": digest, "client_id": client_id, "now": now}
        return bool(await self._audit.perform(self._replay, parameters, [event]))

    async def revoke(self, digest: str, client_id: str, now: float, event: AuditEvent) -> bool:
        """Revokes a token of this client; a refresh token revokes its whole grant (RFC 7009 2.1).

        False, and nothing written, if it is unknown or was revoked before.
        """
        parameters = {"digest": digest, "client_id": client_id, "now": now}
        return bool(await self._audit.perform(self._revoke, parameters, [event]))

    async def use_assertion(self, use: AssertionUse) -> bool:
        """Records one use of a client assertion; False if it was used before. One round trip."""
        try:
            rows = await self._database.perform(self._use, uses.insert_parameters(use))
        except Conflict:
            return False
        self._observe_version(rows[0][0])
        return True

    async def assertion_used(self, use: AssertionUse) -> bool:
        """Whether a use of a client assertion is recorded. Read-only."""
        return bool((await self._database.query(self._used, uses.recorded_parameters(use)))[0][0])

    async def _once(self, prepared: Prepared, parameters: Parameters, events: Sequence[AuditEvent]) -> RedeemResult:
        try:
            rows = await self._audit.perform(prepared, parameters, events)
        except Conflict as conflict:
            if conflict.table != uses.TABLE:
                raise
            return RedeemResult.ASSERTION_USED_BEFORE
        return RedeemResult.DONE if rows else RedeemResult.USED_BEFORE

    def _grant(self, row: Row) -> Grant | None:
        grant_id, client_id, account, subject, created, expires, terms, sealed = row
        release = None if sealed is None else self._releases.read(sealed, place(grant_id))
        if release is None:
            return None
        bound = _TERMS.read(terms.encode())
        return Grant(
            id=grant_id,
            client_id=client_id,
            account=account,
            scope=bound.scope,
            release=replace(release, subject=subject),
            created=created,
            expires=expires,
            nonce=bound.nonce,
            dpop_jkt=bound.dpop_jkt,
        )


_GRANT: Final = (
    grants.c.id,
    grants.c.client_id,
    grants.c.account_id,
    grants.c.subject,
    grants.c.created,
    grants.c.expires,
    grants.c.terms,
    grants.c.sealed,
)


def _token_rows(tokens: Sequence[StoredToken]) -> Sequence[Mapping[str, object]]:
    return [{name: getattr(token, name) for name in _TOKEN} for token in tokens]
