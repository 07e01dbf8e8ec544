"""Members of staff: who may sign in, changes of their roles by two persons, the operator's directory.

`directory` joins staff.toml with what the database holds, and follows both. `roles` asks for a change, approves or
refuses it, and takes roles away at once. `provisioning` does what the operator's directory asks for through SCIM.
Every write is one transaction with its audit rows, and names the version that it was made from.
"""
