"""The citizen's account: the ways that lead to it, and what services received.

`ways` lists them, starts a sign-in for the broker's own pages (an errand), and unlinks. The errand is a transaction
like one for a service, with the same picker and the same failure pages; when the citizen is identified, `errand`
completes it: it starts a session, or shows both proved identities and links them once the citizen agrees. An
`initiated_login` is such a sign-in, or one at a service, that a provider begins.

The rules are in `broker.account.links`.
"""
