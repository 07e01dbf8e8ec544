"""An access token may be bound to another key than its grant."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tokens of before name no key of their own: they are bound to that of their grant."""
    op.add_column("tokens", sa.Column("dpop_jkt", sa.Text(), nullable=True))


def downgrade() -> None:
    """Facts are never thrown away by a program."""
    raise NotImplementedError("restore a backup instead")
