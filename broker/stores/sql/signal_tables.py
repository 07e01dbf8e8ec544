"""Tables of what services do in their own name: their tokens, and the streams of security events (see `tables`)."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from broker.stores.sql.tables import metadata

client_tokens: Final = Table(
    "client_tokens",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("dpop_jkt", Text),
    Column("x5t", Text),
    Column("epoch", BigInteger, nullable=False),
    Column("revoked", Double),
    Index(None, "expires"),
)

event_streams: Final = Table(
    "event_streams",
    metadata,
    Column("id", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("status", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("verified", Double),
    Column("sealed", LargeBinary, nullable=False),
    UniqueConstraint("client_id"),
)

excluded_subjects: Final = Table(
    "excluded_subjects",
    metadata,
    Column("client_id", Text, nullable=False),
    Column("sub", Text, nullable=False),
    Column("removed", Double, nullable=False),
    PrimaryKeyConstraint("client_id", "sub"),
)
