"""Alembic migrations: `env.py` runs the numbered files in `versions`, each of which migrates one schema to the next."""

from typing import NoReturn


def refuse_downgrade() -> NoReturn:
    """The `downgrade` of every migration. Raises NotImplementedError."""
    raise NotImplementedError("Downgrades are not supported: restore a backup.")
