"""Operators write notes on the status page, and the register of services has a history."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds both tables. The history of services begins at the first start after this."""
    op.create_table(
        "status_notes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("began", sa.Double(), nullable=False),
        sa.Column("changed", sa.Double(), nullable=False),
        sa.Column("texts", sa.Text(), nullable=False),
        sa.Column("ended", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_notes")),
    )
    op.create_index(op.f("ix_status_notes_ended"), "status_notes", ["ended"], unique=False)
    op.create_table(
        "service_entries",
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("claims", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "at", name=op.f("pk_service_entries")),
    )
