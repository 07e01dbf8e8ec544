"""Alembic environment: migrates the database of the given connection in one transaction."""

from alembic import context

from broker.stores.sql.case_tables import cases

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=cases.metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
