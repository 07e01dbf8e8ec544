"""Locks of an account: its row, then its identities, before anything that belongs to it is written.

A sign-in locks its identity before it writes anything, so it comes before such a write or after it. Another order
would let the two wait for each other.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from sqlalchemy import Text, bindparam, select

from broker.stores.sql.database import Database, UnitOfWork
from broker.stores.sql.tables import accounts, identities

AccountLock = Callable[[UnitOfWork, str], Awaitable[bool]]

_account: Final = bindparam("account", type_=Text)


def lock_account(database: Database) -> AccountLock:
    """Returns the function that locks an account within a transaction. False if the account does not exist."""
    row = database.prepare(select(accounts.c.id).where(accounts.c.id == _account).with_for_update(key_share=True))
    ways = database.prepare(
        select(identities.c.digest)
        .where(identities.c.account_id == _account)
        .order_by(identities.c.issuer, identities.c.digest)
        .with_for_update(key_share=True)
    )

    async def lock(unit: UnitOfWork, account: str) -> bool:
        found = await unit.run(row, {"account": account})
        await unit.run(ways, {"account": account})
        return bool(found)

    return lock
