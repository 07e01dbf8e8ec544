"""Distinguishes a notification that waits for its next attempt from one that is being sent."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the column."""
    op.add_column("notifications", sa.Column("sending", sa.Double(), nullable=True))
