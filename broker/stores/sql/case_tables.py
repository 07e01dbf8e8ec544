"""Tables of assisted verification: cases, what staff do with them, and how staff sign in (see `tables`)."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from broker.stores.sql.tables import metadata

cases: Final = Table(
    "cases",
    metadata,
    Column("id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("transaction_id", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("continuation", Text),
    Column("holder", Text),
    Column("created", Double, nullable=False),
    Column("deadline", Double),
    Column("queued", Double),
    Column("due", Double),
    Column("sealed", LargeBinary, nullable=False),
    UniqueConstraint("reference"),
    UniqueConstraint("continuation"),
    Index(
        "uq_cases_transaction_id",
        "transaction_id",
        unique=True,
        postgresql_where=text("is_open"),
        sqlite_where=text("is_open"),
    ),
    Index(None, "transaction_id", "created"),
    Index(None, "state", "deadline", "queued"),
    Index(None, "holder"),
    Index(None, "due"),
)

case_fingerprints: Final = Table(
    "case_fingerprints",
    metadata,
    Column("case_id", Text, ForeignKey("cases.id", deferrable=True, initially="DEFERRED"), nullable=False),
    Column("fingerprint", Text, nullable=False),
    PrimaryKeyConstraint("case_id", "fingerprint"),
    Index(None, "fingerprint"),
)

case_attempts: Final = Table(
    "case_attempts",
    metadata,
    Column("case_id", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("made", BigInteger, nullable=False),
    PrimaryKeyConstraint("case_id", "purpose"),
)

staff_attempts: Final = Table(
    "staff_attempts",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("expires", Double, nullable=False),
    Column("sealed", LargeBinary),
    Index(None, "expires"),
)

staff_sessions: Final = Table(
    "staff_sessions",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("member", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("used", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("terms", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("ended", Double),
    Index(None, "expires"),
)

staff_drafts: Final = Table(
    "staff_drafts",
    metadata,
    Column("member", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("form", Text, nullable=False),
    Column("expires", Double, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("member", "case_id", "form"),
    Index(None, "case_id"),
    Index(None, "expires"),
)
