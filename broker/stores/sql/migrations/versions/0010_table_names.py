"""Renames tables, columns, keys and indexes to the terms of the standards."""

import sqlalchemy as sa
from alembic import op

from broker.stores.sql.migrations import refuse_downgrade

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

downgrade = refuse_downgrade

TABLES = {
    "marks": "shared_counters",
    "shares": "consents",
    "subjects": "pairwise_subjects",
    "codes": "authorization_codes",
    "assertions": "used_jtis",
    "questions": "backchannel_requests",
    "switches": "kill_switches",
    "case_marks": "case_fingerprints",
    "session_services": "session_clients",
    "notices": "notifications",
}
COLUMNS = {"codes": ("pushed", "par_digest"), "case_marks": ("mark", "fingerprint")}


def upgrade() -> None:
    """Renames everything in one transaction. Rows stay unchanged, except for the name of one counter."""
    connection = op.get_bind()
    for table, (before, after) in COLUMNS.items():
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {before} TO {after}")
    rename = _rename_in_postgresql if connection.dialect.name == "postgresql" else _rename_in_sqlite
    for before, after in TABLES.items():
        rename(connection, before, after)
    op.execute("UPDATE shared_counters SET name = 'kill_switches' WHERE name = 'switches'")


def _renamed(name: str, before: str, after: str) -> str:
    """The name of a key or an index after its table, and perhaps its column, were renamed."""
    kind, _, columns = name.partition(f"_{before}")
    column_before, column_after = COLUMNS.get(before, ("", ""))
    if column_before and columns.endswith(f"_{column_before}"):
        columns = f"{columns.removesuffix(column_before)}{column_after}"
    return f"{kind}_{after}{columns}"


def _rename_in_postgresql(connection: sa.Connection, before: str, after: str) -> None:
    """Renames the table, then its constraints and its indexes, which PostgreSQL does not rename with it."""
    seen = sa.inspect(connection)
    keys = [seen.get_pk_constraint(before), *seen.get_unique_constraints(before), *seen.get_foreign_keys(before)]
    own = {str(key["name"]) for key in keys}
    indexes = {str(index["name"]) for index in seen.get_indexes(before)} - own
    op.rename_table(before, after)
    for name in sorted(own):
        op.execute(f"ALTER TABLE {after} RENAME CONSTRAINT {name} TO {_renamed(name, before, after)}")
    for name in sorted(indexes):
        op.execute(f"ALTER INDEX {name} RENAME TO {_renamed(name, before, after)}")


def _rename_in_sqlite(connection: sa.Connection, before: str, after: str) -> None:
    """Copies the table to one with the new names, since SQLite cannot rename constraints and indexes."""
    old = sa.Table(before, sa.MetaData(), autoload_with=connection)
    new = old.to_metadata(old.metadata, name=after)
    for constraint in new.constraints:
        constraint.name = _renamed(str(constraint.name), before, after)
    for index in new.indexes:
        index.name = sa.quoted_name(_renamed(str(index.name), before, after), quote=None)
    new.create(connection)
    names = [column.name for column in old.columns]
    connection.execute(sa.insert(new).from_select(names, sa.select(*(old.c[name] for name in names))))
    old.drop(connection)
