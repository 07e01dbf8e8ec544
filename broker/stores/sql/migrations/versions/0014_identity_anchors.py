"""Identities record the digest of what never changes for their person, so that a reassigned subject is noticed."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds a column, which stays empty until the identity is used again."""
    op.add_column("identities", sa.Column("anchor", sa.Text(), nullable=True))
