"""An OpenID provider of our own, for development and tests: it plays every outcome and every misbehaviour on request.

A server of its own, reached through the kind `openid` like any other provider.
"""

from providers.simulator.personas import cast
from providers.simulator.server import create
from providers.simulator.settings import Issuer, Persona, SimulatedClient, SimulatorSettings

__all__ = ["Issuer", "Persona", "SimulatedClient", "SimulatorSettings", "cast", "create"]
