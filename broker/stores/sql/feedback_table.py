"""Table of feedback. What was written is sealed: people write about themselves although the page asks them not to."""

from typing import Final

from sqlalchemy import BigInteger, Column, Double, Index, LargeBinary, Table, Text

from broker.stores.sql.tables import metadata

feedback: Final = Table(
    "feedback",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("rating", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("public", BigInteger, nullable=False),
    Column("published", Double),
    Column("sealed", LargeBinary, nullable=False),
    Index(None, "published"),
    Index(None, "expires"),
)
