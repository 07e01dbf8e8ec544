"""Access tokens with a narrower scope than their grant (RFC 6749 6)."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the scope of a token; a token without one has that of its grant."""
    op.add_column("tokens", sa.Column("scope", sa.Text(), nullable=True))
