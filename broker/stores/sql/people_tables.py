"""Tables of the members of staff beyond staff.toml (see `tables`)."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, LargeBinary, Table, Text, text

from broker.stores.sql.tables import metadata

staff_people: Final = Table(
    "staff_people",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("roles", Text, nullable=False),
    Column("base", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("changed", Double, nullable=False),
    Column("user_mark", Text, unique=True),
    Column("subject_mark", Text, unique=True),
    Column("sealed", LargeBinary),
    Index(None, "changed"),
)
"""Roles stand in the clear beside the id of the member, as they do in the audit record: an entry whose sealed part
cannot be opened still takes away what it takes away. What the operator's directory says of a person is sealed."""

staff_changes: Final = Table(
    "staff_changes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("member", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("state", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decided", Double, nullable=False),
    Index(
        "uq_staff_changes_member",
        "member",
        unique=True,
        postgresql_where=text("state = 'open'"),
        sqlite_where=text("state = 'open'"),
    ),
    Index(None, "expires"),
)

access_reviews: Final = Table(
    "access_reviews",
    metadata,
    Column("member", Text, primary_key=True),
    Column("by", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("roles", Text, nullable=False),
    Column("kept", Boolean, nullable=False),
    Index(None, "at"),
)

audit_exports: Final = Table(
    "audit_exports",
    metadata,
    Column("id", Text, primary_key=True),
    Column("asked_by", Text, nullable=False),
    Column("asked", Double, nullable=False),
    Column("reason", Text, nullable=False),
    Column("begins", Double, nullable=False),
    Column("ends", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("state", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decided", Double, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Index(None, "expires"),
)
