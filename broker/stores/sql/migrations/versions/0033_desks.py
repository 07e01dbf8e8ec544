"""Partner desks: answers to their calls, and how often they used a case or a document."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the tables, which are empty."""
    op.create_table(
        "desk_answers",
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "key", name=op.f("pk_desk_answers")),
    )
    op.create_index(op.f("ix_desk_answers_expires"), "desk_answers", ["expires"], unique=False)
    op.create_table(
        "desk_counts",
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_desk_counts")),
    )
    op.create_index(op.f("ix_desk_counts_expires"), "desk_counts", ["expires"], unique=False)
