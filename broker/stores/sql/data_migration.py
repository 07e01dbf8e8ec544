"""Data migration of identities: rows with the subject in the clear become rows with a digest. Part of `migrate`,
resumable.

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
)

from broker.crypto.seal import Sealer
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


def migrate_batch(connection: Connection, sealing: Callable[[], Sealer] | None) -> bool:
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
