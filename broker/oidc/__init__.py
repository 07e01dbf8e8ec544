"""OpenID Connect and OAuth 2.0: the protocol as pure functions from text and records to values or protocol errors.

No network, store or clock. In the order of a sign-in:

1. `parameters` and `form_parser` read a request; `errors` are the three kinds of protocol errors. 2.
`client_authentication` (with `mtls`, `credential_hints`) authenticates the service; `dpop` checks a proof. 3. `par`,
`authorization_request` and `authorization_checks` check the request, with `request_object`, `scopes`, `acr`,
`claims_parameter`, `claim_request` and `verified_claims_request`. 4. `authorization_response` builds the redirect with
the code or error. 5. `token_request` checks codes and refresh tokens; `id_token`, `userinfo`, `introspection` and
`resource_request` serve the tokens, with `verified_claims` and `claim_formats` for their content. 6. `logout`,
`logout_token` and `session_management` end sessions and report them.

Beside it: `ciba` and `ciba_request_object` (backchannel authentication), `discovery` with `discovery_metadata`,
`dynamic_registration`, `third_party_login`, `jwt_claims`.
"""
