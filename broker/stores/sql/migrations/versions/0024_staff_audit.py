"""Audit rows of staff are found by member, and look-ups by time."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade


def upgrade() -> None:
    """Adds partial indexes, which no audit row of a sign-in enters."""
    indexes = {
        "ix_audit_staff": (["actor", "id"], sa.text("substr(actor, 1, 6) = 'staff:'")),
        "ix_audit_look_ups": (["id"], sa.text("kind IN ('case_opened', 'case_looked_up')")),
    }
    for name, (columns, where) in indexes.items():
        op.create_index(name, "audit", columns, unique=False, postgresql_where=where, sqlite_where=where)
