"""Tables of the support centre: measures from the audit record, appointments, quality of decisions (see `tables`)."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, LargeBinary, PrimaryKeyConstraint, Table, Text, text

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

bookings: Final = Table(
    "bookings",
    metadata,
    Column("booking_id", Text, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("begins", Double, nullable=False),
    Column("room", BigInteger, nullable=False),
    Column("ends", Double, nullable=False),
    Column("is_live", Boolean, nullable=False),
    Index(
        "uq_bookings_place",
        "place",
        "begins",
        "room",
        unique=True,
        postgresql_where=text("is_live"),
        sqlite_where=text("is_live"),
    ),
    Index(None, "case_id"),
    Index(None, "ends"),
)

quality_samples: Final = Table(
    "quality_samples",
    metadata,
    Column("id", Text, primary_key=True),
    Column("case_id", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("drawn", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("scorer", Text),
    Column("scored", Double),
    Column("score", BigInteger),
    Column("sealed", LargeBinary),
    Index(None, "drawn"),
    Index(None, "expires"),
    Index(None, "scored"),
)

exercises: Final = Table(
    "exercises",
    metadata,
    Column("id", Text, primary_key=True),
    Column("member", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked", Double, nullable=False),
    Column("answered", Double),
    Column("sealed", LargeBinary),
    Index(None, "member", "answered"),
    Index(None, "answered"),
    Index(None, "asked"),
)

incident_jobs: Final = Table(
    "incident_jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("by", Text, nullable=False),
    Column("asked", Double, nullable=False),
    Column("action", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("want", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("progress", Text, nullable=False),
    Column("leased", Double, nullable=False),
    Column("ended", Double),
    Index(None, "asked"),
    Index(
        "ix_incident_jobs_open", "asked", postgresql_where=text("state = 'open'"), sqlite_where=text("state = 'open'")
    ),
)
"""Ids of staff and cases, and closed words, as the audit record has them: nothing of a citizen."""
