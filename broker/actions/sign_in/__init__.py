"""Signing in: one transaction from a service's request to the answer.

`begin` makes it, `look` says what its page shows, `choose`, `complete`, `share` and the steps of `later` and `help`
change it. Steps never call each other: each leaves the stored state behind, and the page looks again.
"""
