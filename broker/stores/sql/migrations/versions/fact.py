"""Audit rows may name the fact they tell, so that a fact written twice is told once."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the name, and the key that one row of a kind has for it."""
    op.add_column("audit", sa.Column("fact", sa.Text(), nullable=True))
    op.create_index("uq_audit_fact", "audit", ["fact", "kind"], unique=True)


def downgrade() -> None:
    """Facts are never thrown away by a program."""
    raise NotImplementedError("restore a backup instead")
