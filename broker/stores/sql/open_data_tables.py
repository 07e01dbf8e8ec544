"""Tables of open data about sign-ins: what is counted of days that are not published yet, and what was published.

They hold nothing personal: counts alone.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Double, PrimaryKeyConstraint, Table, Text

from broker.stores.sql.tables import metadata

figures: Final = Table(
    "figures",
    metadata,
    Column("day", Text, nullable=False),
    Column("measure", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("counted", BigInteger, nullable=False),
    PrimaryKeyConstraint("day", "measure", "detail"),
)

published_days: Final = Table(
    "published_days",
    metadata,
    Column("day", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("published", Double, nullable=False),
    Column("reason", Text, nullable=False),
    Column("lines", Text, nullable=False),
    PrimaryKeyConstraint("day", "revision"),
)
