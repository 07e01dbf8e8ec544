"""Proofing agent API: what partner desks do with cases.

A call names the agent and the location of the desk. `once` answers a repeated call as before; `visits` finds a case by
its reference, accepts it, records evidence piece by piece by the rules of the console, and takes the recommendation,
upon which a member of staff decides. `messages` has the tables that check what is sent and from which the OpenAPI
description is made.
"""
