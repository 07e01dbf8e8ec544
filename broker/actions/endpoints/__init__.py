"""The endpoints that services call directly: every call authenticates the client first.

1. `context` authenticates the client, verifies DPoP proofs, and checks kill switches and rate limits.
2. `par` stores a pushed authorization request (RFC 9126).
3. `backchannel_authentication` stores a CIBA request and notifies the citizen.
4. `token` redeems authorization codes, refresh tokens and CIBA requests.
5. `reading` answers userinfo and introspection requests and revokes tokens.

Each raises `EndpointError`; `broker.web.services` turns it into the JSON error of the protocol.
"""
