"""What assisted verification took is counted from the audit record, from the beginning."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the tables, which are empty: the first count reads every audit row."""
    op.create_table(
        "measures",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("day", "measure", "detail", "channel", "language")),
        sa.Column("bucket", sa.BigInteger(), nullable=False),
        sa.Column("counted", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("day", "measure", "detail", "channel", "language", "bucket", name=op.f("pk_measures")),
    )
    op.create_index(op.f("ix_measures_measure_day"), "measures", ["measure", "day"], unique=False)
    op.create_table(
        "measured_cases",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("seen", sa.Double(), nullable=False),
        sa.Column("track", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_measured_cases")),
    )
    op.create_index(op.f("ix_measured_cases_seen"), "measured_cases", ["seen"], unique=False)
    op.create_table(
        "measured_rows",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_measured_rows")),
    )
