"""Access tokens bound to a client's certificate (RFC 8705 3.1)."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the thumbprint of the certificate; a token without one is bound to none."""
    op.add_column("tokens", sa.Column("x5t", sa.Text(), nullable=True))
