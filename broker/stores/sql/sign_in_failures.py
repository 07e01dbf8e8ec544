"""Failed sign-ins by reference, for staff. They hold nothing personal, so nothing is sealed."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Double, Integer, Text, bindparam, literal_column, select

from broker.model.audit import AuditEvent
from broker.model.handle import normalize_user_code
from broker.model.sign_in_failure import KEPT, SignInFailure
from broker.stores.sql.audit import SqlAudit, insert_rows
from broker.stores.sql.database import AtomicWrite, Database, InsertRows
from broker.stores.sql.tables import sign_in_failures

_COLUMNS: Final = ("reference", "at", "failure", "reason", "provider", "client_id", "request_id")
_MOST: Final = 20
"""Failures that one look-up returns at most."""


class SqlSignInFailures:
    """Failed sign-ins in SQL."""

    def __init__(self, database: Database, audit_log: SqlAudit) -> None:
        self._database = database
        self._audit = audit_log
        written = InsertRows(sign_in_failures, "failures", (*_COLUMNS, "expires"))
        self._write = database.prepare(AtomicWrite(None, (written, insert_rows()), select(literal_column("1"))))
        c = sign_in_failures.c
        self._by_reference = database.prepare(
            select(*(c[name] for name in _COLUMNS))
            .where(c.reference == bindparam("reference", type_=Text), c.expires > bindparam("now", type_=Double))
            .order_by(c.at.desc(), c.id.desc())
            .limit(bindparam("limit", type_=Integer))
        )

    async def record(self, failure: SignInFailure, events: Sequence[AuditEvent]) -> None:
        """Writes a failed sign-in with its audit rows, in one transaction and one round trip."""
        values = {name: getattr(failure, name) for name in _COLUMNS}
        row = {**values, "reference": normalize_user_code(failure.reference), "expires": failure.at + KEPT}
        await self._audit.perform(self._write, {"failures": [row]}, events)

    async def by_reference(self, reference: str, now: float) -> Sequence[SignInFailure]:
        """The failures with this reference, in any notation, the newest first."""
        values = {"reference": normalize_user_code(reference), "now": now, "limit": _MOST}
        return [SignInFailure(*row) for row in await self._database.query(self._by_reference, values)]
