"""Stopping an identity, and taking it back: case, link, sessions, codes and grants of its account, in one write."""

from typing import Final

from sqlalchemy import Double, Text, bindparam, null, select, update

from broker.assisted.case_records import IdentityBinding
from broker.assisted.case_work import CaseWork
from broker.assisted.freezing import FreezeWrite, ReleaseWrite, RevokeWrite
from broker.model.audit import AuditEvent
from broker.model.freeze_link import FreezeLink, LinkState
from broker.model.outbound_delivery import OutboundDelivery
from broker.model.session import LogoutFanOut
from broker.stores.sql import audit
from broker.stores.sql.cases import SqlCases
from broker.stores.sql.database import Database, UnitOfWork
from broker.stores.sql.digests import Digests
from broker.stores.sql.freeze_links import SqlFreezeLinks
from broker.stores.sql.passkey_tables import kept_identities
from broker.stores.sql.session_termination import SessionTermination
from broker.stores.sql.tables import authorization_codes, grants, identities, tokens

_account: Final = bindparam("account", type_=Text)
_now: Final = bindparam("now", type_=Double)


class _Overtaken(Exception):
    """Another process saved the case, or used the link: the transaction is rolled back."""


class SqlFreezes:
    """Stops identities that cases proved, and finds their accounts."""

    def __init__(
        self,
        database: Database,
        digests: Digests,
        cases: SqlCases,
        session_termination: SessionTermination,
        audit_log: audit.SqlAudit,
    ) -> None:
        self._database = database
        self._digests = digests
        self._cases = cases
        self._session_termination = session_termination
        self._audit = audit_log
        self._links = SqlFreezeLinks(database, digests.sealer)
        c, g = authorization_codes.c, grants.c
        i = identities.c
        key = (i.issuer == bindparam("issuer", type_=Text), i.digest == bindparam("digest", type_=Text))
        self._owner = database.prepare(select(i.account_id).where(*key))
        k = kept_identities.c
        theirs = k.digest.in_(select(identities.c.digest).where(identities.c.account_id == _account))
        self._release_kept = database.prepare(
            update(kept_identities)
            .where(theirs, k.frozen == bindparam("frozen", type_=Double))
            .values(frozen=null())
            .returning(k.digest)
        )
        self._revocations = (
            database.prepare(
                update(kept_identities).where(theirs, k.frozen.is_(None)).values(frozen=_now).returning(k.digest)
            ),
            database.prepare(
                update(authorization_codes)
                .where(c.account_id == _account, c.redeemed.is_(None))
                .values(redeemed=_now, sealed=null())
            ),
            database.prepare(
                update(tokens)
                .where(tokens.c.grant_id.in_(select(g.id).where(g.account_id == _account)), tokens.c.revoked.is_(None))
                .values(revoked=_now)
            ),
            database.prepare(
                update(grants).where(g.account_id == _account, g.revoked.is_(None)).values(revoked=_now, sealed=null())
            ),
        )

    async def link(self, digest: str, now: float) -> FreezeLink | None:
        """The link with this digest; None if it is unknown, used or expired."""
        return await self._links.load(digest, now)

    async def state(self, digest: str, now: float) -> LinkState:
        """Whether the link with this digest can be used at `now`."""
        return await self._links.state(digest, now)

    async def freeze(self, write: FreezeWrite) -> bool:
        """Uses a link and saves the frozen case, and ends every session, code and grant of the account behind it.

        False, and nothing written, if the link was used or the case saved in between.
        """
        case, now = write.case, write.ended.at
        try:
            async with self._database.transaction() as unit:
                if not await self._links.use(unit, write.link.digest, now):
                    raise _Overtaken
                account = await self._account_of(unit, case.binding, write.issuer)
                await self._end(unit, account, write.ended, write.fan_out)
                about = () if account is None else tuple(write.about(account))
                if not await self._cases.save_within(unit, case, write.events, CaseWork(write.notices, about)):
                    raise _Overtaken
        except _Overtaken:
            return False
        self._audit.report(write.events)
        return True

    async def release(self, write: ReleaseWrite) -> bool:
        """Saves the case, and permits the use of what was frozen with it. What had ended stays ended.

        False, and nothing written, if the case was saved in between.
        """
        try:
            async with self._database.transaction() as unit:
                account = await self._account_of(unit, write.case.binding, write.issuer)
                about: tuple[OutboundDelivery, ...] = ()
                if account is not None:
                    await unit.run(self._release_kept, {"account": account, "frozen": write.frozen})
                    about = tuple(write.about(account))
                if not await self._cases.save_within(unit, write.case, write.events, CaseWork(deliveries=about)):
                    raise _Overtaken
        except _Overtaken:
            return False
        self._audit.report(write.events)
        return True

    async def revoke(self, write: RevokeWrite) -> bool:
        """Saves the case whose identity was taken back, and ends every session, code and grant of the account behind
        it; what is kept of it is frozen for good.

        False, and nothing written, if the case was saved in between.
        """
        try:
            async with self._database.transaction() as unit:
                account = await self._account_of(unit, write.binding, write.issuer)
                await self._end(unit, account, write.ended, write.fan_out)
                about = () if account is None else tuple(write.about(account))
                if not await self._cases.save_within(unit, write.case, write.events, CaseWork(deliveries=about)):
                    raise _Overtaken
        except _Overtaken:
            return False
        self._audit.report(write.events)
        return True

    async def _account_of(self, unit: UnitOfWork, binding: IdentityBinding | None, issuer: str) -> str | None:
        """The account of the identity that a case proved; None if it was never released."""
        if binding is None:
            return None
        owner = await unit.run(self._owner, self._key(issuer, binding.subject))
        return str(owner[0][0]) if owner else None

    async def _end(self, unit: UnitOfWork, account: str | None, ended: AuditEvent, fan_out: LogoutFanOut) -> None:
        """Ends what an account has open."""
        if account is None:
            return
        for revocation in self._revocations:
            await unit.run(revocation, {"account": account, "now": ended.at})
        await self._session_termination.of_account(unit, account, ended, fan_out)

    def _key(self, issuer: str, subject: str) -> dict[str, str]:
        return {"issuer": issuer, "digest": self._digests.of_subject(issuer, subject)}
