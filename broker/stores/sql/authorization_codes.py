"""Authorization codes as rows: which columns are in the clear, what is sealed, how rows are written and read."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Double, Insert, LargeBinary, Text, and_, bindparam, exists, insert, select

from broker.model.assurance import Level
from broker.model.grant import AuthorizationCode, ReleasedIdentity
from broker.stores.record_codec import RecordCodec, SealedCodec
from broker.stores.sql.database import Database, Row, Step
from broker.stores.sql.shared_counters import EPOCH
from broker.stores.sql.tables import authorization_codes

EMPTY: Final = ReleasedIdentity(subject="", level=Level.LOW, amr=(), auth_time=0)
"""The release after its claims were erased."""


@dataclass(frozen=True, slots=True)
class CodeTerms:
    """What a code is bound to; none of it is personal data."""

    redirect_uri: str
    scope: tuple[str, ...]
    nonce: str | None = None
    code_challenge: str | None = None
    dpop_jkt: str | None = None


_TERMS: Final = RecordCodec(CodeTerms)

READ: Final = (
    authorization_codes.c.digest,
    authorization_codes.c.transaction_id,
    authorization_codes.c.client_id,
    authorization_codes.c.account_id,
    authorization_codes.c.subject,
    authorization_codes.c.par_digest,
    authorization_codes.c.created,
    authorization_codes.c.expires,
    authorization_codes.c.terms,
    authorization_codes.c.sealed,
    authorization_codes.c.redeemed,
    authorization_codes.c.grant_id,
)
"""The columns that `code` reads."""


def place(digest: str) -> str:
    """The sealing context of a code's release. It keeps the table's first name, or earlier rows would not open."""
    return f"codes:{digest}"


def upsert_code(
    database: Database, account: ColumnElement[str], subject: ColumnElement[str], permitted: ColumnElement[bool]
) -> Insert:
    """Writes a code if that is `permitted`, replacing an unredeemed one of the same transaction. Returns account and
    subject.

    No row if it is not, if the transaction's code was redeemed, or if the pushed request was answered in another
    transaction.
    """
    columns = _columns(account, subject)
    other = authorization_codes.alias("other")
    answered = exists(
        select(other.c.digest).where(
            and_(other.c.par_digest == columns["par_digest"], other.c.transaction_id != columns["transaction_id"])
        )
    )
    made = database.upsert(authorization_codes).from_select(
        list(columns), select(*columns.values()).where(~answered, permitted)
    )
    replaced = {name: made.excluded[name] for name in columns if name != "transaction_id"}
    unredeemed = made.on_conflict_do_update(
        index_elements=["transaction_id"], set_=replaced, where=authorization_codes.c.redeemed.is_(None)
    )
    result: Insert = unredeemed.returning(authorization_codes.c.account_id, authorization_codes.c.subject)
    return result


def following(account: ColumnElement[str], subject: ColumnElement[str]) -> Step:
    """The step of an atomic write that inserts a code for which no earlier code can exist."""
    columns = _columns(account, subject)

    def step(passed: ColumnElement[bool]) -> Insert:
        return insert(authorization_codes).from_select(list(columns), select(*columns.values()).where(passed))

    return step


def _columns(account: ColumnElement[str], subject: ColumnElement[str]) -> dict[str, ColumnElement[Any]]:
    return {
        "digest": bindparam("digest", type_=Text),
        "transaction_id": bindparam("transaction", type_=Text),
        "client_id": bindparam("client_id", type_=Text),
        "account_id": account,
        "subject": subject,
        "par_digest": bindparam("par_digest", type_=Text),
        "created": bindparam("created", type_=Double),
        "expires": bindparam("expires", type_=Double),
        "terms": bindparam("terms", type_=Text),
        "sealed": bindparam("sealed", type_=LargeBinary),
        "epoch": EPOCH,
        "sid": bindparam("code_sid", type_=Text),
    }


def values(code: AuthorizationCode, releases: SealedCodec[ReleasedIdentity]) -> Mapping[str, object]:
    """The parameters of the statement. The subject is not part of the sealed content: the row has it."""
    terms = CodeTerms(code.redirect_uri, code.scope, code.nonce, code.code_challenge, code.dpop_jkt)
    return {
        "digest": code.digest,
        "transaction": code.transaction,
        "client_id": code.client_id,
        "par_digest": code.pushed,
        "created": code.created,
        "expires": code.expires,
        "terms": _TERMS.write(terms).decode(),
        "sealed": releases.write(replace(code.release, subject=""), place(code.digest)),
        "code_sid": code.release.session,
    }


def code(row: Row, releases: SealedCodec[ReleasedIdentity]) -> AuthorizationCode | None:
    """The code in a row of READ, with an EMPTY release after its redemption; None if its content cannot be opened."""
    digest, transaction, client_id, account, subject, pushed, created, expires, terms, sealed = row[:10]
    bound = _TERMS.read(terms.encode())
    release = EMPTY if sealed is None else releases.read(sealed, place(digest))
    if release is None:
        return None
    return AuthorizationCode(
        digest=digest,
        transaction=transaction,
        client_id=client_id,
        account=account,
        redirect_uri=bound.redirect_uri,
        scope=bound.scope,
        release=replace(release, subject=subject),
        created=created,
        expires=expires,
        nonce=bound.nonce,
        code_challenge=bound.code_challenge,
        dpop_jkt=bound.dpop_jkt,
        pushed=pushed,
    )
