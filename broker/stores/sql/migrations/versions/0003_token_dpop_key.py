"""Adds a DPoP key to access tokens, which may differ from that of their grant."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the column; existing tokens have none and stay bound to the key of their grant."""
    op.add_column("tokens", sa.Column("dpop_jkt", sa.Text(), nullable=True))
