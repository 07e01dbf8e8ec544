"""Sign-ins are counted from the audit record, and the figures of each day are published once."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the tables, which are empty: earlier audit rows do not say on which day their sign-in started."""
    op.create_table(
        "figures",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("day", "measure", "detail")),
        sa.Column("counted", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "measure", "detail", name=op.f("pk_figures")),
    )
    op.create_table(
        "published_days",
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("published", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("lines", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("day", "revision", name=op.f("pk_published_days")),
    )
