"""A lost passkey is replaced: of two cases that replace the same ones, the second is too late."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the column: when the passkeys of an identity were replaced last."""
    op.add_column("kept_identities", sa.Column("rebound", sa.Double(), nullable=True))
