"""Access tokens bound to a client's certificate (RFC 8705 3.1)."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the thumbprint of the certificate; a token without one is bound to none."""
    op.add_column("tokens", sa.Column("x5t", sa.Text(), nullable=True))


def downgrade() -> None:
    """Facts are never thrown away by a program."""
    raise NotImplementedError("restore a backup instead")
