"""Passkeys of citizens, and the identities that the broker keeps for them.

`sign_in` is the page of a sign-in with a passkey: what the browser is asked, and what it answered, which goes the way
of every provider's answer. `registration` adds a passkey to the account of a session. `kept` lists, renews and ends
what is kept. `ports` is what they need of the stores.
"""
