"""Actions: each loads stored state, lets the rules decide, acts, saves, and writes the audit rows.

In the order of a sign-in:

1. `endpoints.par` and `sign_in.authorize` check the service's authorization request and start a transaction.
2. `sign_in.dispatch` computes from the stored transaction what its page displays.
3. `sign_in.provider_login` sends the citizen to a provider and processes the callback.
4. `sign_in.consent` asks for consent if needed and issues the authorization code.
5. `endpoints.token` redeems the code; `endpoints.userinfo`, `.introspection` and `.revocation` take its tokens.
6. `logout` ends the session. `outbox` delivers logout tokens, notifications and CIBA pings.

`assisted` verifies citizens by a person, `client_registration` registers services in development. `ports` holds the
protocols of the stores, `results` and `views` are what the pages render. Actions know no HTTP framework and no SQL:
contexts bring stores, registry, keys, time and randomness.
"""
