"""Decided cases are drawn for a second person's score sheet, and staff are given made-up cases."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the tables, which are empty."""
    op.create_table(
        "quality_samples",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("drawn", sa.Double(), nullable=False),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.Column("scorer", sa.Text(), nullable=True),
        sa.Column("scored", sa.Double(), nullable=True),
        sa.Column("score", sa.BigInteger(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quality_samples")),
    )
    for name in ("drawn", "expires", "scored"):
        op.create_index(op.f(f"ix_quality_samples_{name}"), "quality_samples", [name], unique=False)
    op.create_table(
        "exercises",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked", sa.Double(), nullable=False),
        sa.Column("answered", sa.Double(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exercises")),
    )
    op.create_index(op.f("ix_exercises_member_answered"), "exercises", ["member", "answered"], unique=False)
    op.create_index(op.f("ix_exercises_answered"), "exercises", ["answered"], unique=False)
    op.create_index(op.f("ix_exercises_asked"), "exercises", ["asked"], unique=False)
