"""An open case is found again in the browser that asked for it."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the column. A case of before is found once it was saved again."""
    op.add_column("cases", sa.Column("asker", sa.Text(), nullable=True))
    is_open = sa.text("is_open")
    op.create_index("ix_cases_asker", "cases", ["asker"], unique=False, postgresql_where=is_open, sqlite_where=is_open)
