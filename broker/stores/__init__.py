"""Stores: SQL for durable records, memory or Redis for ephemeral state. The only package that knows either.

`sql_stores.open_sql_stores` opens the database (SQLite or PostgreSQL) and everything stored in it, `ephemeral.open` the
ephemeral stores. `clock_check` compares this machine's clock with the database's and judges whether the process may
serve; `monotonic_clock` is the clock that all stores read. `record_codec` encodes records as JSON with a version,
sealed or in the clear. The interfaces that the stores implement are in `broker.actions.ports`; the records are those of
the rules.
"""
