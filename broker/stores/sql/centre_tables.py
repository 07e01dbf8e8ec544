"""Tables of the support centre: what was measured from the audit record (see `tables`)."""

from typing import Final

from sqlalchemy import BigInteger, Column, Double, Index, PrimaryKeyConstraint, Table, Text

from broker.stores.sql.tables import metadata

measures: Final = Table(
    "measures",
    metadata,
    Column("day", Text, nullable=False),
    Column("measure", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("bucket", BigInteger, nullable=False),
    Column("counted", BigInteger, nullable=False),
    Column("seconds", Double, nullable=False),
    PrimaryKeyConstraint("day", "measure", "detail", "channel", "language", "bucket"),
    Index(None, "measure", "day"),
)

measured_cases: Final = Table(
    "measured_cases",
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("seen", Double, nullable=False),
    Column("track", Text, nullable=False),
    Index(None, "seen"),
)

measured_rows: Final = Table(
    "measured_rows",
    metadata,
    Column("name", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
)
