"""SQL stores: durable when a method returns. One set of statements, for SQLite and PostgreSQL.

`tables`, `case_tables`, `centre_tables`, `open_data_tables`, `feedback_table` and `signal_tables` are the schema,
`migrations` and `migrate` bring a database to it, `schema` checks its version. `address` parses the database URL.
`database` defines statements and atomic writes: a gate that decides, and steps that take effect with it; `dialect`
compiles them once.
`sqlite` and `postgres` (with `pool`) run them; `error_mapping` turns their errors into StoreUnavailable with a fix.

The stores: `authorizations` with `authorization_codes`, `sessions` and `session_termination`, `grants` with
`used_jtis`, `agreements`, `own_sessions`, `own_activity`, `account_stops`, `account_data`, `client_tokens`,
`backchannel_requests`, `cases` with `case_lists` and `appointments`, `outbox`, `staff_sessions`, `staff_drafts`,
`saved_views`, `staff_audit`, `staff_presence`, `sign_in_failures`, `audit` with `audit_chain`, `measures`, `figures`,
`quality`, `kill_switches`, `shared_counters`, `upstream_logouts`. `digests` finds citizens' rows without personal
data in the clear; `retention` deletes old rows, `expiring` makes expiry durable, `data_migration` rewrites rows for
`migrate`.
"""
