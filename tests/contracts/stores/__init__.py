"""The stores: one suite for ephemeral stores over memory and Redis, one for SQL stores over SQLite and PostgreSQL."""
