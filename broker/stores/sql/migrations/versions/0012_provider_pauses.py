"""Pauses of providers by command: a kill switch with texts for citizens and an end."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the texts by language, as JSON, and the end; both are empty for what is turned off without them."""
    op.add_column("kill_switches", sa.Column("texts", sa.Text(), nullable=True))
    op.add_column("kill_switches", sa.Column("until", sa.Double(), nullable=True))
