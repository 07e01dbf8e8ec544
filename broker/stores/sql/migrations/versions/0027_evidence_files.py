"""Citizens send photographs and videos as evidence."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the table, which is empty."""
    op.create_table(
        "evidence_files",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_files")),
    )
    op.create_index(
        "uq_evidence_files_case_id",
        "evidence_files",
        ["case_id"],
        unique=True,
        postgresql_where=sa.text("state = 'receiving'"),
        sqlite_where=sa.text("state = 'receiving'"),
    )
    op.create_index(op.f("ix_evidence_files_case_id_created"), "evidence_files", ["case_id", "created"], unique=False)
    op.create_index(op.f("ix_evidence_files_expires"), "evidence_files", ["expires"], unique=False)
