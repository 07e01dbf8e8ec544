"""Citizens stop a way to sign in that another person may have used."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the column: when the citizen stopped an identity."""
    op.add_column("identities", sa.Column("stopped", sa.Double(), nullable=True))
