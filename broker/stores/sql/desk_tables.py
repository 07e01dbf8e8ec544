"""Tables of partner desks: answers to their calls, and how often desks used a case or a document (see `tables`)."""

from typing import Final

from sqlalchemy import BigInteger, Column, Double, Index, LargeBinary, PrimaryKeyConstraint, Table, Text

from broker.stores.sql.tables import metadata

desk_answers: Final = Table(
    "desk_answers",
    metadata,
    Column("client_id", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("expires", Double, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("client_id", "key"),
    Index(None, "expires"),
)

desk_counts: Final = Table(
    "desk_counts",
    metadata,
    Column("mark", Text, primary_key=True),
    Column("made", BigInteger, nullable=False),
    Column("call", Text, nullable=False),
    Column("expires", Double, nullable=False),
    Index(None, "expires"),
)
