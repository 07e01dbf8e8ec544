"""Keyed digests (HMAC-SHA256) by which statements find a citizen's rows without personal data in the clear.

The key of each purpose is random and stored in `digest_keys`, sealed with the broker's sealing key: it survives every
rotation of sealing keys, and a dump of the database does not reveal it. It is resealed with the current sealing key at
startup; after that the previous sealing key can be removed.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sqlalchemy import LargeBinary, Text, bindparam, exists, literal_column, select, update

from broker.crypto.seal import SECRET_SIZE, Sealer, Unsealable
from broker.model.store_results import StoreUnavailable
from broker.platform import base64url
from broker.stores.sql.database import Database
from broker.stores.sql.tables import digest_keys, identities

_TRIES: Final = 3


class Purpose(StrEnum):
    """Purposes of digests. Each has a separate key, so digests of two purposes never match."""

    IDENTITY = "identity"
    """The subject of a citizen at a provider."""
    CASE_MARK = "case mark"
    """An address or telephone number of a verification case, compared with those of other cases."""
    STAFF = "staff"
    """A user name or subject of a member of staff, which no two have."""


class DigestKeyLost(Unsealable):
    """The key of the digests cannot be opened, or is missing although rows were written with it."""


def key_place(purpose: Purpose) -> str:
    """The sealing context of a purpose's key."""
    return f"digest_keys:{purpose}"


def new_key(purpose: Purpose, sealer: Sealer) -> bytes:
    """A new key for a purpose: random, except for case marks, which continue those that the current sealing key
    made."""
    return sealer.mac_key(purpose) if purpose is Purpose.CASE_MARK else sealer.draw(SECRET_SIZE)


@dataclass(frozen=True, slots=True)
class Digests:
    """Computes digests and seals the values behind them. `keys` are those of every purpose."""

    keys: Mapping[Purpose, bytes] = field(repr=False)
    sealer: Sealer = field(repr=False)

    def mac(self, purpose: Purpose, text: str) -> bytes:
        """The digest of a text, 32 bytes, deterministic."""
        return hmac.digest(self.keys[purpose], text.encode(), "sha256")

    def of_subject(self, issuer: str, subject: str) -> str:
        """The digest of a subject at an issuer. Digests of one subject at two issuers are unrelated.

        43 characters of base64url.
        """
        mark = self.mac(Purpose.IDENTITY, f"{len(issuer)}:{issuer}{subject}")
        return base64url.encode(mark)

    def of_anchor(self, issuer: str, subject: str, anchor: str) -> str:
        """The digest of the anchor of one identity: equal anchors of two identities have unrelated digests."""
        mark = self.mac(Purpose.IDENTITY, f"anchor {len(issuer)}:{issuer}{len(subject)}:{subject}{anchor}")
        return base64url.encode(mark)

    def sealed_subject(self, issuer: str, digest: str, subject: str) -> bytes:
        """The subject, sealed for its row."""
        return self.sealer.seal(subject.encode(), _place(issuer, digest))


def _place(issuer: str, digest: str) -> str:
    return f"identities:{issuer}:{digest}"


async def open_digests(database: Database, sealer: Sealer) -> Digests:
    """Reads the keys; creates missing ones, and reseals those that an earlier sealing key sealed.

    Raises DigestKeyLost if a key does not open, or is missing although identities were written with it.
    """
    return Digests({purpose: await _key(database, sealer, purpose) for purpose in Purpose}, sealer)


async def _key(database: Database, sealer: Sealer, purpose: Purpose) -> bytes:
    name, sealed = bindparam("purpose", type_=Text), bindparam("sealed", type_=LargeBinary)
    read = database.prepare(select(digest_keys.c.sealed).where(digest_keys.c.purpose == name))
    unused = literal_column("1 = 1") if purpose is not Purpose.IDENTITY else ~exists(select(identities.c.issuer))
    rows = database.upsert(digest_keys).from_select(["purpose", "sealed"], select(name, sealed).where(unused))
    write = database.prepare(rows.on_conflict_do_nothing(index_elements=["purpose"]))
    for _ in range(_TRIES):
        found = await database.query(read, {"purpose": purpose.value})
        if found:
            key = opened_key(purpose, found[0][0], sealer)
            if not sealer.is_current(found[0][0]):
                await _reseal(database, sealer, purpose, found[0][0], key)
            return key
        fresh = sealer.seal(new_key(purpose, sealer), key_place(purpose))
        await database.perform(write, {"purpose": purpose.value, "sealed": fresh})
    if purpose is Purpose.IDENTITY:
        raise DigestKeyLost("the table digest_keys has no key for identities, although there are identities")
    raise StoreUnavailable(f"no key for {purpose} could be written")


def opened_key(purpose: Purpose, sealed: bytes, sealer: Sealer) -> bytes:
    """Opens the key of a purpose. Raises DigestKeyLost."""
    try:
        return sealer.open(sealed, key_place(purpose))
    except Unsealable as problem:
        raise DigestKeyLost(f"the key of digests ({purpose}) does not open: {problem.detail}") from None


async def _reseal(database: Database, sealer: Sealer, purpose: Purpose, before: bytes, key: bytes) -> None:
    """Reseals a key with the current sealing key; a concurrent process does the same."""
    changed = update(digest_keys).where(
        digest_keys.c.purpose == bindparam("name", type_=Text),
        digest_keys.c.sealed == bindparam("before", type_=LargeBinary),
    )
    write = database.prepare(changed.values(sealed=bindparam("again", type_=LargeBinary)))
    again = sealer.seal(key, key_place(purpose))
    await database.perform(write, {"name": purpose.value, "before": before, "again": again})
