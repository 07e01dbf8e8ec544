"""Tables of the database. Migrations produce exactly this schema; statements are built from it.

Times are seconds since 1970 UTC. Handles are stored only as SHA-256 digests. `sealed` columns open only with the
broker's sealing keys and only in their own row; the columns in the clear are those that statements need. `epoch` is the
epoch in which a row was written: rows of earlier epochs count as unknown. Personal data that a statement searches for
is stored as a keyed digest (`broker.stores.sql.digests`).
"""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)


def _account(name: str = "account_id") -> Column[str]:
    """A foreign key to an account, deferred to the end of the transaction: rows may be inserted in any order."""
    return Column(name, Text, ForeignKey("accounts.id", deferrable=True, initially="DEFERRED"), nullable=False)


accounts: Final = Table(
    "accounts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("created", Double, nullable=False),
)

identities: Final = Table(
    "identities",
    metadata,
    Column("issuer", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    _account(),
    Column("created", Double, nullable=False),
    Column("provider", Text),
    Column("level", BigInteger),
    Column("anchor", Text),
    Column("blocked", Double),
    Column("fresh_after", Double),
    Column("stopped", Double),
    PrimaryKeyConstraint("issuer", "digest"),
    Index(None, "account_id"),
)

digest_keys: Final = Table(
    "digest_keys",
    metadata,
    Column("purpose", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

pairwise_subjects: Final = Table(
    "pairwise_subjects",
    metadata,
    _account(),
    Column("sector", Text, nullable=False),
    Column("sub", Text, nullable=False),
    Column("created", Double, nullable=False),
    PrimaryKeyConstraint("account_id", "sector"),
    UniqueConstraint("sector", "sub"),
)

consents: Final = Table(
    "consents",
    metadata,
    _account(),
    Column("client_id", Text, nullable=False),
    Column("claim", Text, nullable=False),
    Column("first_at", Double, nullable=False),
    Column("last_at", Double, nullable=False),
    Column("withdrawn", Double),
    PrimaryKeyConstraint("account_id", "client_id", "claim"),
)

service_blocks: Final = Table(
    "service_blocks",
    metadata,
    _account(),
    Column("client_id", Text, nullable=False),
    Column("at", Double, nullable=False),
    PrimaryKeyConstraint("account_id", "client_id"),
)

authorization_codes: Final = Table(
    "authorization_codes",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("transaction_id", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    _account(),
    Column("subject", Text, nullable=False),
    Column("par_digest", Text),
    Column("created", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("terms", Text, nullable=False),
    Column("sealed", LargeBinary),
    Column("epoch", BigInteger, nullable=False),
    Column("redeemed", Double),
    Column("grant_id", Text),
    Column("sid", Text),
    UniqueConstraint("transaction_id"),
    UniqueConstraint("par_digest"),
    Index(None, "account_id"),
    Index(None, "expires"),
)

grants: Final = Table(
    "grants",
    metadata,
    Column("id", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    _account(),
    Column("subject", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("terms", Text, nullable=False),
    Column("sealed", LargeBinary),
    Column("epoch", BigInteger, nullable=False),
    Column("revoked", Double),
    Column("sid", Text),
    Index(None, "account_id"),
    Index(None, "expires"),
)

tokens: Final = Table(
    "tokens",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("grant_id", Text, ForeignKey("grants.id", deferrable=True, initially="DEFERRED"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("revoked", Double),
    Column("dpop_jkt", Text),
    Column("x5t", Text),
    Column("scope", Text),
    Index(None, "grant_id"),
    Index(None, "expires"),
)

used_jtis: Final = Table(
    "used_jtis",
    metadata,
    Column("client_id", Text, nullable=False),
    Column("jti", Text, nullable=False),
    Column("expires", Double, nullable=False),
    PrimaryKeyConstraint("client_id", "jti"),
    Index(None, "expires"),
)

sessions: Final = Table(
    "sessions",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("sid", Text, nullable=False),
    _account(),
    Column("created", Double, nullable=False),
    Column("used", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("sealed", LargeBinary),
    Column("epoch", BigInteger, nullable=False),
    Column("ended", Double),
    Column("upstream", Text),
    Column("browser", Text),
    UniqueConstraint("sid"),
    Index(None, "account_id"),
    Index(None, "expires"),
    Index(None, "upstream"),
)

kill_switches: Final = Table(
    "kill_switches",
    metadata,
    Column("kind", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("texts", Text, nullable=True),
    Column("until", Double, nullable=True),
    PrimaryKeyConstraint("kind", "id"),
)

shared_counters: Final = Table(
    "shared_counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

notifications: Final = Table(
    "notifications",
    metadata,
    Column("id", Text, primary_key=True),
    Column("created", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("claimed_until", Double, nullable=False),
    Column("tries", BigInteger, nullable=False),
    Column("sent", Double),
    Column("sealed", LargeBinary),
    Column("way", Text),
    Column("kind", Text),
    Column("case_id", Text),
    Column("status", Text),
    Column("sending", Double),
    Index(None, "created"),
    Index(None, "case_id"),
    Index(
        "ix_notifications_undelivered",
        "created",
        postgresql_where=text("status = 'undelivered'"),
        sqlite_where=text("status = 'undelivered'"),
    ),
)

STAFF_ROWS: Final = text("substr(actor, 1, 6) = 'staff:'")
LOOK_UP_ROWS: Final = text("kind IN ('case_opened', 'case_looked_up')")
FAILURE_ROWS: Final = text("kind = 'attempt_failed'")
OF_ACCOUNT: Final = text("account_id IS NOT NULL")
OF_CASE: Final = text("case_id IS NOT NULL")
"""Conditions of partial indexes, which a statement that uses them repeats word by word."""

audit: Final = Table(
    "audit",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("actor", Text, nullable=False),
    Column("transaction_id", Text),
    Column("case_id", Text),
    Column("client_id", Text),
    Column("provider", Text),
    Column("account_id", Text),
    Column("grant_id", Text),
    Column("details", Text, nullable=False),
    Column("number", BigInteger),
    Column("hash", Text),
    Column("fact", Text),
    UniqueConstraint("number"),
    Index("ix_audit_unsealed", "id", postgresql_where=text("number IS NULL"), sqlite_where=text("number IS NULL")),
    Index("uq_audit_fact", "fact", "kind", unique=True),
    Index("ix_audit_account_id", "account_id", "id", postgresql_where=OF_ACCOUNT, sqlite_where=OF_ACCOUNT),
    Index("ix_audit_failures", "transaction_id", postgresql_where=FAILURE_ROWS, sqlite_where=FAILURE_ROWS),
    Index("ix_audit_case_id", "case_id", postgresql_where=OF_CASE, sqlite_where=OF_CASE),
    Index("ix_audit_staff", "actor", "id", postgresql_where=STAFF_ROWS, sqlite_where=STAFF_ROWS),
    Index("ix_audit_look_ups", "id", postgresql_where=LOOK_UP_ROWS, sqlite_where=LOOK_UP_ROWS),
)

sign_in_failures: Final = Table(
    "sign_in_failures",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), Identity(always=True), primary_key=True),
    Column("reference", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("failure", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("expires", Double, nullable=False),
    Index(None, "reference"),
    Index(None, "expires"),
)

checkpoints: Final = Table(
    "checkpoints",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("statement", Text, nullable=False),
)

session_clients: Final = Table(
    "session_clients",
    metadata,
    Column("sid", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("first_at", Double, nullable=False),
    Column("last_at", Double, nullable=False),
    Column("expires", Double, nullable=False),
    PrimaryKeyConstraint("sid", "client_id"),
    Index(None, "expires"),
)

deliveries: Final = Table(
    "deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("claimed_until", Double, nullable=False),
    Column("tries", BigInteger, nullable=False),
    Column("sent", Double),
    Column("sealed", LargeBinary),
    Index(
        "ix_deliveries_waiting",
        "claimed_until",
        postgresql_where=text("sealed IS NOT NULL"),
        sqlite_where=text("sealed IS NOT NULL"),
    ),
    Index(
        "ix_deliveries_lane",
        "kind",
        "client_id",
        "created",
        postgresql_where=text("sealed IS NOT NULL"),
        sqlite_where=text("sealed IS NOT NULL"),
    ),
    Index(None, "expires"),
)


backchannel_requests: Final = Table(
    "backchannel_requests",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", Text),
    Column("code", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("account_id", Text, ForeignKey("accounts.id", deferrable=True, initially="DEFERRED")),
    Column("case_id", Text),
    Column("state", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("polled", Double),
    Column("pause", BigInteger, nullable=False),
    Column("early", Boolean, nullable=False),
    Column("pings", Boolean, nullable=False),
    Column("ping_due", Double),
    Column("ping_tries", BigInteger, nullable=False),
    Column("sealed", LargeBinary),
    Column("epoch", BigInteger, nullable=False),
    UniqueConstraint("digest"),
    UniqueConstraint("code"),
    Index(None, "account_id"),
    Index(None, "case_id"),
    Index(None, "ping_due"),
    Index(None, "expires"),
)


def unique_keys() -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Every unique key by its name in PostgreSQL: its table and columns, by which every database reports a conflict."""
    keys: dict[str, tuple[str, tuple[str, ...]]] = {}
    for table in metadata.tables.values():
        for constraint in table.constraints:
            if isinstance(constraint, UniqueConstraint | PrimaryKeyConstraint):
                name = constraint.name if isinstance(constraint.name, str) else f"pk_{table.name}"
                keys[name] = (table.name, tuple(column.name for column in constraint.columns))
        for index in table.indexes:
            if index.unique:
                keys[str(index.name)] = (table.name, tuple(column.name for column in index.columns))
    return keys
