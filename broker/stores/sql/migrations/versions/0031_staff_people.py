"""Roles of members of staff change by two persons, and the operator's directory provisions people."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Creates the tables."""
    op.create_table(
        "staff_people",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("changed", sa.Double(), nullable=False),
        sa.Column("user_mark", sa.Text(), nullable=True),
        sa.Column("subject_mark", sa.Text(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_people")),
        sa.UniqueConstraint("user_mark", name=op.f("uq_staff_people_user_mark")),
        sa.UniqueConstraint("subject_mark", name=op.f("uq_staff_people_subject_mark")),
    )
    op.create_index(op.f("ix_staff_people_changed"), "staff_people", ["changed"], unique=False)
    op.create_table(
        "staff_changes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked", sa.Double(), nullable=False),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_changes")),
    )
    op.create_index(op.f("ix_staff_changes_expires"), "staff_changes", ["expires"], unique=False)
    is_open = sa.text("state = 'open'")
    op.create_index(
        "uq_staff_changes_member",
        "staff_changes",
        ["member"],
        unique=True,
        postgresql_where=is_open,
        sqlite_where=is_open,
    )
