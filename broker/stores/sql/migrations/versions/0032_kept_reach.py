"""Citizens are reminded before a kept identity ends, and a lost passkey is replaced by the case that proved it."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the columns. What was kept before has no address for a reminder; its case is that of its passkey."""
    op.add_column("kept_identities", sa.Column("case_id", sa.Text(), nullable=True))
    op.add_column("kept_identities", sa.Column("remind_at", sa.Double(), nullable=True))
    op.add_column("kept_identities", sa.Column("reach", sa.LargeBinary(), nullable=True))
    op.create_index(op.f("ix_kept_identities_case_id"), "kept_identities", ["case_id"], unique=False)
    op.create_index(op.f("ix_kept_identities_remind_at"), "kept_identities", ["remind_at"], unique=False)
    op.execute(
        "UPDATE kept_identities SET case_id = (SELECT max(passkeys.case_id) FROM passkeys"
        " WHERE passkeys.owner = kept_identities.digest)"
    )
