"""The stores: one suite for passing state over memory and Redis, one for facts over SQLite and PostgreSQL."""
