"""Rows of passkeys and of kept identities: their columns, and their sealed records."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Delete,
    Double,
    Insert,
    LargeBinary,
    Text,
    bindparam,
    delete,
    insert,
)

from broker.crypto.seal import Sealer
from broker.model.identity import Identity
from broker.model.passkey import KeptIdentity, Passkey
from broker.stores.record_codec import RecordCodec, SealedCodec
from broker.stores.sql.database import Parameters, Row
from broker.stores.sql.passkey_tables import kept_identities, passkeys

_p, _k = passkeys.c, kept_identities.c
PASSKEY: Final[Sequence[ColumnElement[Any]]] = (_p.digest, _p.owner, _p.case_id, _p.sign_count, _p.used, _p.sealed)
"""The columns of a passkey, in the order in which `PasskeyRows` reads them."""
KEPT: Final[Sequence[ColumnElement[Any]]] = (_k.digest, _k.since, _k.expires, _k.frozen, _k.sealed)
"""The columns of a kept identity, in the order in which `KeptIdentityRows` reads them."""
KEPT_UNTIL: Final = {
    "since": bindparam("since", type_=Double),
    "expires": bindparam("expires", type_=Double),
    "sealed": bindparam("kept", type_=LargeBinary),
}
"""The columns that change if a source says an identity again, by the parameters of `KeptIdentityRows.values`."""


def inserted_passkey() -> Insert:
    """The insertion of a passkey, by the parameters of `PasskeyRows.values`."""
    return insert(passkeys).values(
        digest=bindparam("passkey", type_=Text),
        owner=bindparam("owner", type_=Text),
        case_id=bindparam("case_id", type_=Text),
        sign_count=bindparam("sign_count", type_=BigInteger),
        created=bindparam("created", type_=Double),
        sealed=bindparam("sealed", type_=LargeBinary),
    )


def deletions(key: ColumnElement[Any]) -> tuple[Delete, ...]:
    """The statements that delete a kept identity with its passkeys."""
    return (
        delete(passkeys).where(passkeys.c.owner == key),
        delete(kept_identities).where(kept_identities.c.digest == key),
    )


class PasskeyRows:
    """Converts passkeys to rows and back. What changes with each use is in columns of its own."""

    def __init__(self, sealer: Sealer) -> None:
        self._passkeys = SealedCodec(sealer, RecordCodec(Passkey))

    def values(self, passkey: Passkey) -> Parameters:
        """The parameters of `inserted_passkey`."""
        return {
            "passkey": passkey.digest,
            "owner": passkey.owner,
            "case_id": passkey.case,
            "sign_count": passkey.sign_count,
            "created": passkey.created,
            "sealed": self.sealed(passkey),
        }

    def sealed(self, passkey: Passkey) -> bytes:
        """The record for the column `sealed`."""
        fixed = replace(passkey, sign_count=0, used=None, owner=None, case=None)
        return self._passkeys.write(fixed, _place_of_passkey(passkey.digest))

    def read(self, row: Row) -> Passkey | None:
        """The record of the columns `PASSKEY`; None for the row of an outer join, and for one that does not open."""
        digest, owner, case, sign_count, used, sealed = row
        fixed = None if digest is None else self._passkeys.read(sealed, _place_of_passkey(digest))
        return fixed and replace(fixed, owner=owner, case=case, sign_count=sign_count, used=used)


class KeptIdentityRows:
    """Converts kept identities to rows and back."""

    def __init__(self, sealer: Sealer) -> None:
        self._identities = SealedCodec(sealer, RecordCodec(Identity))

    def values(self, kept: KeptIdentity) -> Parameters:
        """The parameters of `KEPT_UNTIL`, and `digest`."""
        sealed = self._identities.write(kept.identity, _place(kept.key))
        return {"digest": kept.key, "since": kept.since, "expires": kept.expires, "kept": sealed}

    def read(self, row: Row) -> KeptIdentity | None:
        """The record of the columns `KEPT`; None for the row of an outer join, and for one that does not open."""
        key, since, expires, frozen, sealed = row
        identity = None if key is None else self._identities.read(sealed, _place(key))
        return None if identity is None else KeptIdentity(key, identity, since, expires, frozen)


def _place(key: str) -> str:
    return f"kept_identities:{key}"


def _place_of_passkey(digest: str) -> str:
    return f"passkeys:{digest}"
