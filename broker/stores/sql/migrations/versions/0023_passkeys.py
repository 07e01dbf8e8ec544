"""Passkeys, and the identities to which they lead."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds both tables, which are empty."""
    op.create_table(
        "passkeys",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("case_id", sa.Text(), nullable=True),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("used", sa.Double(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_passkeys")),
    )
    op.create_index(op.f("ix_passkeys_owner"), "passkeys", ["owner"], unique=False)
    op.create_index(op.f("ix_passkeys_case_id"), "passkeys", ["case_id"], unique=False)
    op.create_table(
        "kept_identities",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.Column("frozen", sa.Double(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_kept_identities")),
    )
    op.create_index(op.f("ix_kept_identities_expires"), "kept_identities", ["expires"], unique=False)
