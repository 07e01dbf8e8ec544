"""A notification is claimed by its way, and staff see what became of it."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds way, kind, case and status. Until now the only way that sent was e-mail."""
    for name in ("way", "kind", "case_id", "status"):
        op.add_column("notifications", sa.Column(name, sa.Text(), nullable=True))
    op.execute("UPDATE notifications SET way = 'email'")
    op.create_index(op.f("ix_notifications_case_id"), "notifications", ["case_id"], unique=False)
    op.create_index(
        "ix_notifications_undelivered",
        "notifications",
        ["created"],
        unique=False,
        postgresql_where=sa.text("status = 'undelivered'"),
        sqlite_where=sa.text("status = 'undelivered'"),
    )
