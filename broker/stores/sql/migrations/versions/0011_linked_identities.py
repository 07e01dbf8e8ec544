"""Identities record their provider and level, and everything of an account is found by it, so that accounts merge."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds two columns, which stay empty until the identity is used again, and three indexes."""
    op.add_column("identities", sa.Column("provider", sa.Text(), nullable=True))
    op.add_column("identities", sa.Column("level", sa.BigInteger(), nullable=True))
    for table in ("authorization_codes", "grants", "backchannel_requests"):
        op.create_index(op.f(f"ix_{table}_account_id"), table, ["account_id"], unique=False)
