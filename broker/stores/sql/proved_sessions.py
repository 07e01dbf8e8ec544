"""Sessions that one identity of an account proved: found by their sealed content, and ended."""

from typing import Final

from sqlalchemy import Text, bindparam, select

from broker.model.audit import AuditEvent
from broker.model.identity import Identity
from broker.model.session import LogoutFanOut
from broker.stores.sql import sessions as session_rows
from broker.stores.sql.database import Database, UnitOfWork
from broker.stores.sql.digests import Digests
from broker.stores.sql.session_termination import SessionTermination
from broker.stores.sql.shared_counters import EPOCH
from broker.stores.sql.tables import sessions

_account: Final = bindparam("account", type_=Text)


class ProvedSessions:
    """Ends the sessions of an identity within the caller's transaction. Those of the account's other ways stay."""

    def __init__(self, database: Database, digests: Digests, session_termination: SessionTermination) -> None:
        s = sessions.c
        self._digests = digests
        self._session_termination = session_termination
        self._identities = session_rows.identities(digests.sealer)
        self._live = database.prepare(
            select(s.digest, s.sealed).where(s.account_id == _account, s.ended.is_(None), s.epoch == EPOCH)
        )

    async def end(self, unit: UnitOfWork, account: str, key: str, ended: AuditEvent, fan_out: LogoutFanOut) -> None:
        """Ends the live sessions of an account that the identity with this key proved, and those that no longer open.

        `ended` is the audit event of each, `fan_out` makes the logout tokens for its services.
        """
        for digest, sealed in await unit.run(self._live, {"account": account}):
            identity = None if sealed is None else self._identities.read(sealed, session_rows.place(digest))
            if identity is None or self._key(identity) == key:
                await self._session_termination.of_digest(unit, digest, ended, fan_out)

    def _key(self, identity: Identity) -> str:
        return self._digests.of_subject(identity.issuer, identity.subject)
