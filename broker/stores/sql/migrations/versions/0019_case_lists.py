"""Cases are listed without opening their records. `migrate` fills the columns of the rows of before."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade

COLUMNS = {
    "edit_version": sa.BigInteger,
    "level": sa.BigInteger,
    "client_id": sa.Text,
    "channel": sa.Text,
    "language": sa.Text,
    "changed": sa.Double,
    "ends": sa.Double,
    "agent": sa.Text,
    "requester": sa.Text,
    "flags": sa.BigInteger,
    "priority": sa.BigInteger,
    "why": sa.Text,
}
INDEXES = {
    "ends": ["ends", "id"],
    "created": ["created", "id"],
    "state": ["state", "ends", "id"],
    "client_id": ["client_id", "ends", "id"],
    "level": ["level", "ends", "id"],
    "channel": ["channel", "ends", "id"],
    "language": ["language", "ends", "id"],
    "holder": ["holder", "ends", "id"],
}


def upgrade() -> None:
    """Adds the columns, empty, and the indexes of the lists, which replace that of the queue."""
    for name, kind in COLUMNS.items():
        op.add_column("cases", sa.Column(name, kind(), nullable=True))
    for name, columns in INDEXES.items():
        op.create_index(f"ix_cases_list_{name}", "cases", ["is_open", *columns], unique=False)
    op.drop_index(op.f("ix_cases_state_deadline_queued"), table_name="cases")
    partial = {
        "ix_cases_list_flags": (["is_open", "ends", "id"], sa.text("flags > 0")),
        "ix_cases_turn": (["priority", "ends", "queued", "id"], sa.text("priority IS NOT NULL")),
    }
    for index, (of, where) in partial.items():
        op.create_index(index, "cases", of, unique=False, postgresql_where=where, sqlite_where=where)
