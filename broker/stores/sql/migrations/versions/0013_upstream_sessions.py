"""Sessions are found by the provider's session in which they began, so that its logout ends them."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the digest of the provider's session, empty for sessions that began before, and its index."""
    op.add_column("sessions", sa.Column("upstream", sa.Text(), nullable=True))
    op.create_index(op.f("ix_sessions_upstream"), "sessions", ["upstream"], unique=False)
