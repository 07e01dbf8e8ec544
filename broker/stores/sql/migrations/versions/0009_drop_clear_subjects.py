"""The subjects that stood in the clear go, once every row was moved."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Drops the table that was put aside. Raises RuntimeError if a row was left in it."""
    left = op.get_bind().execute(sa.text("SELECT count(*) FROM identities_before")).scalar_one()
    if left:
        raise RuntimeError(f"{left} identities were not moved")
    op.drop_table("identities_before")
