"""Journey of one authentication transaction: the rules for its states, what may be offered, and what may be accepted.

Pure functions over frozen records, without network, clock or store. In the order of a sign-in:

1. `transaction`: the record of the request on its way; `transitions.begin` creates it. 2. `provider_offer`: `offer`
computes the providers that the citizen may choose, and `next_steps` the actions after a failure. 3. `events`: what can
happen to the transaction; `transitions.advance` applies an event, and is the only function that changes a state.
`transitions.due_event` finds an expired attempt or transaction. 4. `acceptance`: checks an identity from a provider, a
verification case or the broker's session against the request, the provider's policy and the kill switches.
"""
