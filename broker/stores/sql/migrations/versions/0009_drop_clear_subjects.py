"""Drops the subjects in the clear, after every row was rewritten."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Drops the renamed table. Raises RuntimeError if it has a row left."""
    left = op.get_bind().execute(sa.text("SELECT count(*) FROM identities_before")).scalar_one()
    if left:
        raise RuntimeError(f"{left} identities were not migrated")
    op.drop_table("identities_before")
