"""Simulated OpenID provider for development and tests: produces every failure and every misbehaviour on request.

A separate server, used through the kind `openid` like any other provider. `settings` defines issuers, clients and
personas; `personas` those of the demonstration. `server` builds the application with a path for each issuer. Endpoints:
`documents`, `authorize`, `token`, `userinfo`, `logout`. `requests` parses requests, `client_authentication` checks
clients, `pages` renders HTML, `tokens` makes ID tokens and claims. `outcomes` lists what can happen to a sign-in,
`state` holds codes, tokens and keys in memory, `sessions` those of browsers. `national` plays national providers.
"""

from providers.simulator.personas import simulated_issuers
from providers.simulator.server import create
from providers.simulator.settings import Issuer, Persona, SimulatedClient, SimulatorSettings

__all__ = ["Issuer", "Persona", "SimulatedClient", "SimulatorSettings", "create", "simulated_issuers"]
