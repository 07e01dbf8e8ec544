"""After an event about its credential an identity must be proved again."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the column: sign-ins from before that time answer no service any more."""
    op.add_column("identities", sa.Column("fresh_after", sa.Double(), nullable=True))
