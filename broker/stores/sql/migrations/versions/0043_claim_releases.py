"""The claims that were really released to each service are counted from the audit record."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the table, which is empty: the first count reads every audit row."""
    op.create_table(
        "claim_releases",
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("claim", sa.Text(), nullable=False),
        sa.Column("first", sa.Double(), nullable=False),
        sa.Column("last", sa.Double(), nullable=False),
        sa.Column("alarm", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("client_id", "claim", name=op.f("pk_claim_releases")),
    )
