"""Ephemeral stores: state that may be lost at any moment; the only effect is that citizens start again.

`open.open_ephemeral_stores` opens them by URL: `memory` for one process, `redis` for any number. In `redis`, each
record is sealed JSON under the digest of its handle; `scripts` are the Lua scripts that decide atomically.
`redis_client` sends commands through a `transport`: `shared_connection` (one pipelined connection of
`redis_connection`) for a single plain address, `redis_py` for TLS, users, Sentinel and Cluster. `memory_usage` watches
a Redis server's memory and configuration.
"""
