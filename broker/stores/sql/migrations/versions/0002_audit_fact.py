"""Adds `fact` to audit rows: a fact that is written twice has one row."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the column, and the unique key of kind and fact."""
    op.add_column("audit", sa.Column("fact", sa.Text(), nullable=True))
    op.create_index("uq_audit_fact", "audit", ["fact", "kind"], unique=True)
