"""Data migration, a part of `migrate`: identities with the subject in the clear become rows with a digest, and the
columns that lists of cases show are computed from the sealed records.

Each batch is a transaction: an interrupted run is continued by the next one.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    Double,
    MetaData,
    Row,
    Table,
    Text,
    and_,
    delete,
    insert,
    inspect,
    or_,
    select,
    update,
)

from broker.assisted.case_row import NO_FLAGS, CaseRow
from broker.crypto.seal import Sealer
from broker.stores.sql.case_records import CaseRecords, columns_of
from broker.stores.sql.case_tables import cases
from broker.stores.sql.digests import Digests, Purpose, key_place, new_key, opened_key
from broker.stores.sql.tables import digest_keys, identities

BATCH: Final = 1_000
"""Rows in a transaction."""

BEFORE: Final = Table(
    "identities_before",
    MetaData(),
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("account_id", Text),
    Column("created", Double),
)


class SealingKeyNeeded(Exception):
    """There are rows to migrate, and no sealing keys were given."""


def identity_batch(connection: Connection, sealing: Callable[[], Sealer] | None) -> bool:
    """Migrates the next rows within the connection's transaction. False if none were left.

    `sealing` returns the broker's sealing keys; it is called only if there are rows. Raises SealingKeyNeeded.
    """
    if not inspect(connection).has_table(BEFORE.name):
        return False  # another process has finished the migration
    rows = connection.execute(select(BEFORE).limit(BATCH)).all()
    if not rows:
        return False
    if sealing is None:
        raise SealingKeyNeeded("identities have to be migrated, which needs the broker's sealing keys")
    digests = _digests(connection, sealing())
    connection.execute(insert(identities), [_moved(row, digests) for row in rows])
    connection.execute(delete(BEFORE).where(_among(rows)))
    return True


def case_batch(connection: Connection, sealing: Callable[[], Sealer] | None) -> bool:
    """Computes the listed columns of the next cases. False if none were left. Raises SealingKeyNeeded.

    It also finds the cases that a process of the release before has written since the last run.
    """
    shown = (cases.c.id, cases.c.state, cases.c.created, cases.c.sealed)
    rows = connection.execute(select(*shown).where(cases.c.level.is_(None)).limit(BATCH)).all()
    if not rows:
        return False
    if sealing is None:
        raise SealingKeyNeeded("the lists of cases have to be filled, which needs the broker's sealing keys")
    records = CaseRecords(sealing())
    for row in rows:
        case = records.read(row.id, row.sealed)
        values = columns_of(_unreadable(row) if case is None else CaseRow.of(case))
        connection.execute(update(cases).where(cases.c.id == row.id).values(**values))
    return True


def _unreadable(row: Row[*tuple[Any, ...]]) -> CaseRow:
    """The row of a case that cannot be opened: it has a place in the lists, and shows nothing."""
    return CaseRow(
        row.id, 0, "", row.state, 0, "", None, "", row.created, row.created, row.created, None, None, None, "",
        NO_FLAGS, None, "",
    )  # fmt: skip


def _moved(row: Row[Any], digests: Digests) -> dict[str, object]:
    digest = digests.of_subject(row.issuer, row.subject)
    return {
        "issuer": row.issuer,
        "digest": digest,
        "sealed": digests.sealed_subject(row.issuer, digest, row.subject),
        "account_id": row.account_id,
        "created": row.created,
    }


def _among(rows: Sequence[Row[Any]]) -> Any:
    """The condition that a row is one of these: by issuer, of which there are few, and subject."""
    issuers = {row.issuer for row in rows}
    return or_(
        *(
            and_(BEFORE.c.issuer == issuer, BEFORE.c.subject.in_([row.subject for row in rows if row.issuer == issuer]))
            for issuer in issuers
        )
    )


def _digests(connection: Connection, sealer: Sealer) -> Digests:
    """The digest key for identities, created with the first batch; no other is needed here."""
    purpose = Purpose.IDENTITY
    held = connection.execute(select(digest_keys.c.sealed).where(digest_keys.c.purpose == purpose.value)).scalar()
    if held is not None:
        return Digests({purpose: opened_key(purpose, held, sealer)}, sealer)
    key = new_key(purpose, sealer)
    connection.execute(insert(digest_keys).values(purpose=purpose.value, sealed=sealer.seal(key, key_place(purpose))))
    return Digests({purpose: key}, sealer)
