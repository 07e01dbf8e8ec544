"""What staff typed into a form that was refused is kept until they save it."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the table of drafts, which is empty."""
    op.create_table(
        "staff_drafts",
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("member", "case_id", "form", name=op.f("pk_staff_drafts")),
    )
    op.create_index(op.f("ix_staff_drafts_case_id"), "staff_drafts", ["case_id"], unique=False)
    op.create_index(op.f("ix_staff_drafts_expires"), "staff_drafts", ["expires"], unique=False)
