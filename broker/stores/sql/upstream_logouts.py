"""Logouts at providers (OpenID Connect Back-Channel Logout 1.0): the sessions that they end, in one transaction."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Text, and_, bindparam, literal_column, select

from broker.model.audit import AuditEvent
from broker.model.grant import AssertionUse
from broker.model.identity import Identity
from broker.model.session import EndedSession, LogoutFanOut, UpstreamLogout
from broker.stores.sql import sessions as session_rows
from broker.stores.sql import used_jtis
from broker.stores.sql.database import AtomicWrite, Conflict, Database, Parameters, Prepared, UnitOfWork
from broker.stores.sql.digests import Digests
from broker.stores.sql.session_termination import SessionTermination
from broker.stores.sql.shared_counters import EPOCH
from broker.stores.sql.tables import identities, sessions

REMEMBERED: Final = 1_200
"""Seconds for which the `jti` of a logout is stored: longer than its token is accepted."""


class SqlUpstreamLogouts:
    """Ends the sessions that a provider proved, when it says that its own session ended."""

    def __init__(self, database: Database, digests: Digests, session_termination: SessionTermination) -> None:
        self._database = database
        self._digests = digests
        self._session_termination = session_termination
        self._identities = session_rows.identities(digests.sealer)
        c, s = identities.c, sessions.c
        live = and_(s.ended.is_(None), s.epoch == EPOCH)
        found = select(s.digest, s.sealed).where(live)
        owner = and_(c.issuer == bindparam("issuer", type_=Text), c.digest == bindparam("digest", type_=Text))
        of_subject = select(c.account_id).where(owner)
        self._of_subject = database.prepare(found.where(s.account_id.in_(of_subject)))
        self._of_sid = database.prepare(found.where(s.upstream == bindparam("upstream", type_=Text)))
        self._use = database.prepare(AtomicWrite(None, (used_jtis.insert_use(),), select(literal_column("1"))))

    async def end(
        self, logout: UpstreamLogout, event: AuditEvent, fan_out: LogoutFanOut, only: str | None = None
    ) -> Sequence[EndedSession] | None:
        """Ends the live sessions that the provider proved in the session, or for the subject, of the logout.

        `only` is the digest of the one session that it may end. Each ended session has an audit row. A session that the
        provider proved later stays. None for a `jti` that was used before.
        """
        statement, key = self._search(logout)
        if logout.jti is None and not await self._database.query(statement, key):
            return ()  # anyone can send a logout without a token: nothing is locked for an unknown session
        try:
            async with self._database.transaction() as unit:
                if logout.jti is not None:
                    use = AssertionUse(f"logout:{logout.issuer}", logout.jti, event.at + REMEMBERED)
                    await unit.run(self._use, used_jtis.insert_parameters(use))
                return await self.end_in(unit, logout, event, fan_out, only)
        except Conflict:
            return None

    async def end_in(
        self,
        unit: UnitOfWork,
        logout: UpstreamLogout,
        event: AuditEvent,
        fan_out: LogoutFanOut,
        only: str | None = None,
    ) -> Sequence[EndedSession]:
        """The same within the caller's transaction, which has recorded the `jti`."""
        ended = []
        for digest, sealed in await unit.run(*self._search(logout)):
            identity = None if sealed is None else self._identities.read(sealed, session_rows.place(digest))
            if identity is None or only not in (None, digest) or not _proved(logout, identity):
                continue
            one = await self._session_termination.of_digest(unit, digest, event, fan_out)
            if one is not None:
                ended.append(one)
        return ended

    def _search(self, logout: UpstreamLogout) -> tuple[Prepared, Parameters]:
        """The statement that finds the sessions of a logout, and its parameters."""
        if logout.subject is not None:
            key = {"issuer": logout.issuer, "digest": self._digests.of_subject(logout.issuer, logout.subject)}
            return self._of_subject, key
        return self._of_sid, {"upstream": session_rows.upstream_session(logout.issuer, logout.sid or "")}


def _proved(logout: UpstreamLogout, identity: Identity) -> bool:
    """Whether the logout is about the identity of a session. A session without a `sid` ends with all of its subject."""
    if identity.issuer != logout.issuer or identity.auth_time > logout.at:
        return False
    if logout.subject is None:
        return identity.upstream_sid == logout.sid
    return identity.subject == logout.subject and (logout.sid is None or identity.upstream_sid in (None, logout.sid))
