"""Views of lists that staff saved."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the table of saved views, which is empty."""
    op.create_table(
        "saved_views",
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("changed", sa.Double(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("member", name=op.f("pk_saved_views")),
    )
