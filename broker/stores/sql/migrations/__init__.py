"""Alembic migrations: what makes the schema of today out of every earlier one, on both databases."""
