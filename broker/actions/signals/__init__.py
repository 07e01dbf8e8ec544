"""Shared signals: security events to services, and from providers (OpenID Shared Signals Framework 1.0, CAEP, RISC).

What happens is stored as deliveries in the transaction of the fact (`broker.oidc.security_events`). `tokens` makes the
token of a delivery for a service that wants it and knows the citizen; `push` sends it from the outbox (RFC 8935);
`streams` answers the stream management API, and polls (RFC 8936).
"""
