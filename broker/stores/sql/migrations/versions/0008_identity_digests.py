"""Identities are found by a keyed digest of the subject. The old rows wait in another table until `migrate` rewrites
them."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Renames the old table, and creates the new one and that of the digest keys."""
    op.drop_index(op.f("ix_identities_account_id"), table_name="identities")
    op.rename_table("identities", "identities_before")
    if op.get_bind().dialect.name == "postgresql":
        for name in ("pk_identities", "fk_identities_account_id"):
            op.execute(f"ALTER TABLE identities_before RENAME CONSTRAINT {name} TO {name}_before")
    op.create_table(
        "identities",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_identities_account_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("issuer", "digest", name=op.f("pk_identities")),
    )
    op.create_index(op.f("ix_identities_account_id"), "identities", ["account_id"], unique=False)
    op.create_table(
        "digest_keys",
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("purpose", name=op.f("pk_digest_keys")),
    )
