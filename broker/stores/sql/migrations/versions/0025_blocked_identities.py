"""Identities record that their provider disabled the account behind them."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the column, which is empty."""
    op.add_column("identities", sa.Column("blocked", sa.Double(), nullable=True))
