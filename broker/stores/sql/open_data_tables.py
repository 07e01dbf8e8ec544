"""Tables of open data: counts of days that are not published yet, what was published, disruptions with the operator's
notes, releases, and the history of the register of services.

They hold nothing personal: counts, ids of the configuration, and texts of the operator.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Double, Index, PrimaryKeyConstraint, Table, Text

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

disruptions: Final = Table(
    "disruptions",
    metadata,
    Column("subject", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("began", Double, nullable=False),
    Column("ended", Double),
    PrimaryKeyConstraint("subject", "began"),
    Index(None, "ended"),
)

heartbeats: Final = Table(
    "heartbeats",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", Double, nullable=False),
)

claim_releases: Final = Table(
    "claim_releases",
    metadata,
    Column("client_id", Text, nullable=False),
    Column("claim", Text, nullable=False),
    Column("first", Double, nullable=False),
    Column("last", Double, nullable=False),
    Column("alarm", Double),
    PrimaryKeyConstraint("client_id", "claim"),
)

status_notes: Final = Table(
    "status_notes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("began", Double, nullable=False),
    Column("changed", Double, nullable=False),
    Column("texts", Text, nullable=False),
    Column("ended", Double),
    Index(None, "ended"),
)

service_entries: Final = Table(
    "service_entries",
    metadata,
    Column("client_id", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("level", Text, nullable=False),
    Column("claims", Text, nullable=False),
    PrimaryKeyConstraint("client_id", "at"),
)
