"""The citizen's own account: services and agreements, ways to sign in, sessions.

`own` opens the account of a browser's session and says whether it was proved recently enough for a change. `services`
takes agreements back and blocks services, `sessions` ends sessions, `ways` lists and unlinks ways.

The sign-in is an errand, which `ways` starts: a transaction like one for a service, with the same picker and the same
failure pages; when the citizen is identified, `errand` completes it: it starts a session, or shows both proved
identities and links them once the citizen agrees. An `initiated_login` is such a sign-in, or one at a service, that a
provider begins.

The rules are in `broker.account.links`.
"""
