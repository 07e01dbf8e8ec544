"""Durable expiry: before the high-water mark is lowered, what had expired by it is marked as expired in its own row."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Column, Double, Integer, Table, Update, and_, bindparam, delete, select, update

from broker.stores.sql.case_tables import staff_attempts, staff_sessions
from broker.stores.sql.database import Database
from broker.stores.sql.passkey_tables import kept_identities
from broker.stores.sql.signal_tables import client_tokens
from broker.stores.sql.tables import (
    authorization_codes,
    backchannel_requests,
    grants,
    sessions,
    tokens,
)

PORTION: Final = 500
_now: Final = bindparam("now", type_=Double)
_mark: Final = bindparam("mark", type_=Double)
_limit: Final = bindparam("limit", type_=Integer)
_BY_EXPIRY: Final[Sequence[tuple[Table, "Column[str]"]]] = (
    (authorization_codes, authorization_codes.c.digest),
    (tokens, tokens.c.digest),
    (grants, grants.c.id),
    (client_tokens, client_tokens.c.digest),
    (backchannel_requests, backchannel_requests.c.id),
    (kept_identities, kept_identities.c.digest),
)
"""Rows that expire at their own time."""

_BY_USE: Final[Sequence[tuple[Table, "Column[str]"]]] = (
    (sessions, sessions.c.digest),
    (staff_sessions, staff_sessions.c.digest),
)
"""Rows that also expire after an idle time that is a setting, not in the row: all of them are ended."""


class Expirer:
    """Expires rows in small batches, so that a large database is not blocked and an interrupted run can continue
    later."""

    def __init__(self, database: Database) -> None:
        self._database = database
        a = staff_attempts.c
        begun = a.digest.in_(select(a.digest).where(a.expires > _now, a.expires <= _mark).limit(_limit).correlate(None))
        # the expiry of a pending staff sign-in is in its sealed part: it starts again
        self._steps = (
            [database.prepare(delete(staff_attempts).where(begun).returning(a.digest))]
            + [
                database.prepare(_expired(table, key, and_(table.c.expires > _now, table.c.expires <= _mark)))
                for table, key in _BY_EXPIRY
            ]
            + [database.prepare(_expired(table, key, table.c.expires > _now)) for table, key in _BY_USE]
        )

    async def expire(self, now: float, mark: float) -> int:
        """Expires at `now` what would expire until `mark`, and every session. Returns the number of rows changed.

        Both are seconds since 1970 UTC. Used client assertions, accounts and the audit log are left unchanged.
        """
        changed = 0
        for step in self._steps:
            while rows := await self._database.perform(step, {"now": now, "mark": mark, "limit": PORTION}):
                changed += len(rows)
        return changed


def _expired(table: Table, key: "Column[str]", condition: object) -> Update:
    first = key.in_(select(key).where(condition).limit(_limit).correlate(None))  # type: ignore[arg-type]
    return update(table).where(first).values(expires=_now).returning(key)
