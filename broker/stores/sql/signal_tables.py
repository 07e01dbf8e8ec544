"""Tables of what services do in their own name: their tokens, and the streams of security events (see `tables`)."""

from typing import Final

from sqlalchemy import BigInteger, Column, Double, Index, Table, Text

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
