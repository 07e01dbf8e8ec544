"""Audit rows may name the fact they tell, so that a fact written twice is told once."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the name, and the key that one row of a kind has for it."""
    op.add_column("audit", sa.Column("fact", sa.Text(), nullable=True))
    op.create_index("uq_audit_fact", "audit", ["fact", "kind"], unique=True)
