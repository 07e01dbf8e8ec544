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

LIST_INDEXES: Final = {
    "ends": ("ends", "id"),
    "created": ("created", "id"),
    **{name: (name, "ends", "id") for name in ("state", "client_id", "level", "channel", "language", "holder")},
}
"""Indexes of the lists of cases, after `is_open`: one for each order and for each filter, so that a page of 50 rows is
read in its order, however many cases are open."""

FLAGGED: Final = text("flags > 0")
IN_LINE: Final = text("priority IS NOT NULL")
"""Conditions of partial indexes, which a statement that uses them repeats word by word."""

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
    # what lists show, computed from the sealed record; NULL in a row that `migrate` has not read yet
    Column("edit_version", BigInteger),
    Column("level", BigInteger),
    Column("client_id", Text),
    Column("channel", Text),
    Column("language", Text),
    Column("changed", Double),
    Column("ends", Double),
    Column("agent", Text),
    Column("requester", Text),
    Column("flags", BigInteger),
    Column("priority", BigInteger),
    Column("why", Text),
    Column("asker", Text),
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
    Index(None, "holder"),
    Index("ix_cases_asker", "asker", postgresql_where=text("is_open"), sqlite_where=text("is_open")),
    Index(None, "due"),
    *(Index(f"ix_cases_list_{name}", "is_open", *columns) for name, columns in LIST_INDEXES.items()),
    Index("ix_cases_list_flags", "is_open", "ends", "id", postgresql_where=FLAGGED, sqlite_where=FLAGGED),
    Index("ix_cases_turn", "priority", "ends", "queued", "id", postgresql_where=IN_LINE, sqlite_where=IN_LINE),
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

saved_views: Final = Table(
    "saved_views",
    metadata,
    Column("member", Text, primary_key=True),
    Column("changed", Double, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
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

evidence_files: Final = Table(
    "evidence_files",
    metadata,
    Column("id", Text, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("place", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index(
        "uq_evidence_files_case_id",
        "case_id",
        unique=True,
        postgresql_where=text("state = 'receiving'"),
        sqlite_where=text("state = 'receiving'"),
    ),
    Index(None, "case_id", "created"),
    Index(None, "expires"),
)

freeze_links: Final = Table(
    "freeze_links",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("used", Double),
    Column("sealed", LargeBinary),
    Index(None, "expires"),
)
