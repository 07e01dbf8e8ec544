"""Rows of passkeys and of kept identities: their columns, and their sealed records."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Delete,
    Double,
    Insert,
    LargeBinary,
    Text,
    Update,
    and_,
    bindparam,
    delete,
    insert,
    not_,
    or_,
    update,
)

from broker.assisted.case import Case
from broker.assisted.case_states import CaseState
from broker.assisted.case_work import CaseWork
from broker.crypto.seal import Sealer
from broker.model.identity import Identity
from broker.model.passkey import KeptIdentity, KeptReach, Passkey
from broker.stores.record_codec import RecordCodec, SealedCodec
from broker.stores.sql.database import InsertRows, Parameters, Row, Step
from broker.stores.sql.passkey_tables import kept_identities, passkeys
from broker.stores.sql.tables import identities

_p, _k = passkeys.c, kept_identities.c
PASSKEY: Final[Sequence[ColumnElement[Any]]] = (_p.digest, _p.owner, _p.case_id, _p.sign_count, _p.used, _p.sealed)
"""The columns of a passkey, in the order in which `PasskeyRows` reads them."""
KEPT: Final[Sequence[ColumnElement[Any]]] = (_k.digest, _k.since, _k.expires, _k.frozen, _k.sealed)
"""The columns of a kept identity, in the order in which `KeptIdentityRows` reads them."""
KEPT_UNTIL: Final = {
    "since": bindparam("since", type_=Double),
    "expires": bindparam("expires", type_=Double),
    "sealed": bindparam("kept", type_=LargeBinary),
    "remind_at": bindparam("remind_at", type_=Double),
}
"""The columns that change if a source says an identity again, by the parameters of `KeptIdentityRows.values`."""
KEPT_REACH: Final = {"case_id": bindparam("proved_by", type_=Text), "reach": bindparam("reach", type_=LargeBinary)}
"""How its citizen is reached, and which case proved it, by the parameters of `KeptIdentityRows.reach_values`."""


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


def written_with_case(case_id: ColumnElement[Any]) -> tuple[Step | InsertRows, ...]:
    """The steps that write, with a case, a passkey that the citizen made, and the identity to which one leads.

    A case that is closed leaves no other passkey behind. The identity is frozen and revoked with its case.
    """
    fixed = {"case_id": case_id}
    made = InsertRows(passkeys, "made_passkeys", ("digest", "sign_count", "created", "sealed"), fixed, ("digest",))
    columns = ("digest", "since", "expires", "sealed", "remind_at", "reach")
    kept = InsertRows(kept_identities, "kept_identities", columns, fixed, ("digest",))
    leads, owner, ends = (bindparam(name, type_=Text) for name in ("leading", "led_to", "ended"))
    lasting, since = bindparam("lasting", type_=Text), bindparam("frozen_since", type_=Double)
    mine = passkeys.c.case_id == case_id
    unmade = bindparam("unmade", type_=Text)

    def led(passed: ColumnElement[bool]) -> Update:
        return update(passkeys).where(passed, mine, passkeys.c.digest == leads).values(owner=owner)

    def frozen(passed: ColumnElement[bool]) -> Update:
        return update(kept_identities).where(passed, kept_identities.c.digest == lasting).values(frozen=since)

    def closed(passed: ColumnElement[bool]) -> Delete:
        unowned = and_(passkeys.c.owner.is_(None), passkeys.c.digest != leads)
        left = and_(mine, unowned, not_(bindparam("is_open", type_=Boolean)))
        taken_back = and_(mine, passkeys.c.owner.is_(None), passkeys.c.digest == unmade)
        return delete(passkeys).where(passed, or_(left, taken_back, passkeys.c.owner == ends))

    def ended(passed: ColumnElement[bool]) -> Delete:
        return delete(kept_identities).where(passed, kept_identities.c.digest == ends)

    return made, kept, led, frozen, closed, ended


def outdated(key: ColumnElement[Any]) -> Update:
    """The statement by which sign-ins to a kept identity before the moment `lost` (`lost_at`) count no more."""
    return update(identities).where(identities.c.digest == key).values(fresh_after=bindparam("lost", type_=Double))


def lost_at(moment: float) -> float:
    """The moment in whole seconds, as sign-ins are dated: a new one in the same second counts."""
    return float(int(moment))


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
        self._reach = SealedCodec(sealer, RecordCodec(KeptReach))

    def values(self, kept: KeptIdentity, remind_at: float | None) -> Parameters:
        """The parameters of `KEPT_UNTIL`, and `digest`."""
        sealed = self._identities.write(kept.identity, _place(kept.key))
        until = {"since": kept.since, "expires": kept.expires, "remind_at": remind_at}
        return {"digest": kept.key, "kept": sealed, **until}

    def reach_values(self, key: str, reach: KeptReach) -> Parameters:
        """The parameters of `KEPT_REACH`."""
        fixed = replace(reach, remind_at=None, case=None)
        sealed = self._reach.write(fixed, f"{_place(key)}:reach") if reach.recipients else None
        return {"proved_by": reach.case, "reach": sealed}

    def read_reach(self, key: str, remind_at: float | None, case: str | None, sealed: bytes | None) -> KeptReach:
        """How a citizen is reached. A row that does not open reaches no one."""
        found = None if sealed is None else self._reach.read(sealed, f"{_place(key)}:reach")
        return replace(found or KeptReach(), remind_at=remind_at, case=case)

    def read(self, row: Row) -> KeptIdentity | None:
        """The record of the columns `KEPT`; None for the row of an outer join, and for one that does not open."""
        key, since, expires, frozen, sealed = row
        identity = None if key is None else self._identities.read(sealed, _place(key))
        return None if identity is None else KeptIdentity(key, identity, since, expires, frozen)


def _place(key: str) -> str:
    return f"kept_identities:{key}"


def _place_of_passkey(digest: str) -> str:
    return f"passkeys:{digest}"


def _led_to(work: CaseWork) -> str | None:
    """The key of the identity to which the passkey of a case leads from now on."""
    if work.former is not None:
        return work.former.key
    return None if work.kept is None else work.kept.key


class CasePasskeyRows:
    """The parameters of `written_with_case`."""

    def __init__(self, sealer: Sealer) -> None:
        self._passkeys, self._kept = PasskeyRows(sealer), KeptIdentityRows(sealer)

    def values(self, case: Case, work: CaseWork) -> Parameters:
        """What of the case and of its work is about passkeys."""
        key = None if case.binding is None else case.binding.kept
        revoked = case.state is CaseState.REVOKED
        stopped = case.frozen is not None or (bool(case.history) and case.history[-1].event == "unfrozen")
        made, kept = work.passkey, None if work.kept is None else self._kept_row(work.kept, work.reach)
        return {
            "made_passkeys": []
            if made is None
            else [
                {
                    "digest": made.digest,
                    "sign_count": made.sign_count,
                    "created": made.created,
                    "sealed": self._passkeys.sealed(made),
                }
            ],
            "kept_identities": [] if kept is None else [kept],
            "leading": work.leads,
            "ended": key if revoked else None,
            "lasting": key if stopped else None,
            "frozen_since": case.frozen,
            "led_to": _led_to(work),
            "unmade": work.removed,
        }

    def _kept_row(self, kept: KeptIdentity, reach: KeptReach) -> Parameters:
        row = self._kept.values(kept, reach.remind_at)
        fixed = {name: row[name] for name in ("digest", "since", "expires", "remind_at")}
        return {**fixed, "sealed": row["kept"], "reach": self._kept.reach_values(kept.key, reach)["reach"]}
