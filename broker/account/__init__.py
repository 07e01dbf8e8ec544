"""Accounts: what a service may receive about a citizen, and the ways by which the citizen signs in.

Pure functions over frozen records, without network, clock or store.

`release`, in the order of a sign-in:

1. `consent_items` selects the claims that the request asks for, the registration allows and the identity has.
2. `consent_required` compares them with the claims that the citizen agreed to before.
3. `released_claims` gives the claims to send once the citizen agreed, and chose among the optional ones.

`links` decides whether an identity may be linked to an account, moved, or unlinked.

The account itself and the pairwise subject are assigned by `broker.stores.sql` in the write of the authorization.
"""
