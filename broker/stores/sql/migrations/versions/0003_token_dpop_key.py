"""An access token may be bound to another key than its grant."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Tokens of before name no key of their own: they are bound to that of their grant."""
    op.add_column("tokens", sa.Column("dpop_jkt", sa.Text(), nullable=True))
