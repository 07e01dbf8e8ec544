"""Citizens see and end what services and browsers may do in their name."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds agreements that were taken back, blocked services, the kind of browser of a session, and the indexes by
    which the audit rows of one account are found."""
    op.add_column("consents", sa.Column("withdrawn", sa.Double(), nullable=True))
    op.add_column("sessions", sa.Column("browser", sa.Text(), nullable=True))
    op.create_table(
        "service_blocks",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_service_blocks_account_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("account_id", "client_id", name=op.f("pk_service_blocks")),
    )
    for name, columns, rows in (
        ("ix_audit_account_id", ["account_id", "id"], sa.text("account_id IS NOT NULL")),
        ("ix_audit_failures", ["transaction_id"], sa.text("kind = 'attempt_failed'")),
        ("ix_audit_case_id", ["case_id"], sa.text("case_id IS NOT NULL")),
    ):
        op.create_index(name, "audit", columns, postgresql_where=rows, sqlite_where=rows)
