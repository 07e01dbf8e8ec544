"""Stopping an identity: "your identity was checked: was this you?", and the press that freezes it.

`links` takes looks and presses of the link that the notice of a bound identity contains, within rate limits. `freeze`
uses it: it records in the case that the
identity is frozen, and ends the sessions, codes and grants of its account, in one transaction. A lead releases it.
"""
