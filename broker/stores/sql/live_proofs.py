"""Proofs behind a change of an account: the sign-ins that still count, and the session that has not ended.

A provider's event about an account locks the row of its identity before it ends sessions. A change therefore locks the
account's row, then the rows of all identities that it is about, and reads the session after that: it sees what the
event did, or the event sees what the change did.
"""

from collections.abc import Sequence
from math import inf

from sqlalchemy import func, select

from broker.model.identity import Identity
from broker.model.session import Session
from broker.stores.sql.database import Database, UnitOfWork
from broker.stores.sql.digests import Digests
from broker.stores.sql.tables import accounts, identities, sessions


class LiveProofs:
    """Locks what a change of an account rests on, within the caller's transaction, and judges it."""

    def __init__(self, database: Database, digests: Digests) -> None:
        self._digests = digests
        i = identities.c
        self._accounts = database.prepare(
            select(accounts.c.id)
            .where(database.among(accounts.c.id, "accounts"))
            .order_by(accounts.c.id)
            .with_for_update(key_share=True)
        )
        self._hold = database.prepare(
            select(i.digest, func.coalesce(i.blocked, i.stopped), i.fresh_after)
            .where(database.among(i.digest, "digests"))
            .order_by(i.issuer, i.digest)
            .with_for_update(key_share=True)
        )
        live = (database.among(sessions.c.digest, "sessions"), sessions.c.ended.is_(None))
        self._live = database.prepare(select(sessions.c.sid).where(*live))

    async def lock(self, unit: UnitOfWork, ids: Sequence[str]) -> frozenset[str]:
        """Locks the rows of accounts, and returns the ids of those that exist. Changes of one account wait for each
        other; sign-ins do not wait."""
        return frozenset(row[0] for row in await unit.run(self._accounts, {"accounts": list(ids)}))

    async def count(
        self,
        unit: UnitOfWork,
        proof: Session,
        *others: Identity,
        touched: Sequence[str] = (),
        renewed: Sequence[str] = (),
    ) -> bool:
        """Whether the session that proved the account has not ended, and the sign-ins of the `others` count.

        An event that outdates the session's own sign-in ends the session; after the citizen removed a passkey it goes
        on, and may add another one. `touched` are the digests of further identities that the change is about. `renewed`
        are those under which the session goes on if the same change was made before.
        """
        times = {self._digest(one): float(one.auth_time) for one in others}
        times.setdefault(self._digest(proof.identity), inf)
        for digest, blocked, fresh_after in await unit.run(self._hold, {"digests": [*times, *touched]}):
            if digest in times and (blocked is not None or (fresh_after or 0.0) > times[digest]):
                return False
        return bool(await unit.run(self._live, {"sessions": [proof.digest, *renewed]}))

    def _digest(self, identity: Identity) -> str:
        return self._digests.of_subject(identity.issuer, identity.subject)
