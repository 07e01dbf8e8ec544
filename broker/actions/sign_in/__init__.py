"""A sign-in: one transaction, from a service's authorization request to the authorization response.

1. `authorize.authorize` checks the request and stores a new transaction, or answers at once (`prompt=none`).
2. `dispatch.current_view` computes what the transaction's page displays. An identity that needs no consent is
   answered here.
3. `provider_login.start_login` prepares the redirect to a provider; `handle_callback` processes the provider's answer.
4. `consent.submit_consent` issues the authorization code for the claims that `shared_claims` selects; `client_response`
   builds the redirect to the service.

Beside this way: `resume` (leave without an answer, continuation codes), `case_link` (wait for a verification case),
`backchannel_confirmation` (the citizen's answer to a CIBA request). `context` holds what all of them work with.

Actions never call the next step: each saves the transaction, and the page calls `current_view` again.
"""
