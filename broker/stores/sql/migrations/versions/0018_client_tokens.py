"""Services get access tokens for themselves."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds the table of these tokens, which is empty."""
    op.create_table(
        "client_tokens",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.Column("dpop_jkt", sa.Text(), nullable=True),
        sa.Column("x5t", sa.Text(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("revoked", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_client_tokens")),
    )
    op.create_index(op.f("ix_client_tokens_expires"), "client_tokens", ["expires"], unique=False)
