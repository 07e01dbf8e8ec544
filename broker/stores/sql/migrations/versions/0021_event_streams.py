"""Services receive security events in a stream of their own."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the tables of streams, and the index by which the deliveries of one service are found in their order."""
    op.create_table(
        "event_streams",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("verified", sa.Double(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_streams")),
        sa.UniqueConstraint("client_id", name=op.f("uq_event_streams_client_id")),
    )
    op.create_table(
        "excluded_subjects",
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("sub", sa.Text(), nullable=False),
        sa.Column("removed", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "sub", name=op.f("pk_excluded_subjects")),
    )
    op.create_index(
        "ix_deliveries_lane",
        "deliveries",
        ["kind", "client_id", "created"],
        unique=False,
        postgresql_where=sa.text("sealed IS NOT NULL"),
        sqlite_where=sa.text("sealed IS NOT NULL"),
    )
