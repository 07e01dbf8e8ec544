"""Appointments that were taken: one row for a room of a place at a time."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the table, which is empty."""
    op.create_table(
        "bookings",
        sa.Column("booking_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("begins", sa.Double(), nullable=False),
        sa.Column("room", sa.BigInteger(), nullable=False),
        sa.Column("ends", sa.Double(), nullable=False),
        sa.Column("is_live", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("booking_id", name=op.f("pk_bookings")),
    )
    live = sa.text("is_live")
    op.create_index(
        "uq_bookings_place",
        "bookings",
        ["place", "begins", "room"],
        unique=True,
        postgresql_where=live,
        sqlite_where=live,
    )
    op.create_index(op.f("ix_bookings_case_id"), "bookings", ["case_id"], unique=False)
    op.create_index(op.f("ix_bookings_ends"), "bookings", ["ends"], unique=False)
