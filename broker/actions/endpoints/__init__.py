"""The endpoints that services call directly: every call authenticates the client first.

1. `context` authenticates the client, verifies DPoP proofs, and checks kill switches and rate limits.
2. `par` stores a pushed authorization request (RFC 9126).
3. `backchannel_authentication` stores a CIBA request and notifies the citizen.
4. `token` redeems authorization codes, refresh tokens and CIBA requests.
5. `userinfo` returns the claims of an access token (OpenID Connect Core 5.3).
6. `introspection` returns the state of a token (RFC 7662).
7. `revocation` revokes a token (RFC 7009).

Each raises `EndpointError`; `broker.web.services` turns it into the JSON error of the protocol.
"""
