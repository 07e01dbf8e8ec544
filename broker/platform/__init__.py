"""Platform: adapters to the machine and to remote servers, used by all other packages.

`system` supplies the clock, the monotonic clock and random bytes. `http_client` makes every outgoing HTTP call (SSRF
protection, limits), `refreshing_cache` keeps what was fetched (metadata, keys), `tls` builds client SSL contexts.
`store_urls` and `redis_urls` parse the stores' URLs. `toml_loader` decodes TOML tables into frozen dataclasses,
`toml_writer` writes TOML, `operator_files` reads files strictly. `logging_setup` writes logs as JSON lines.
`notifications` sends messages to citizens by SMTP, or to files in development.
"""
