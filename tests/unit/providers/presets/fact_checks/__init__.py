"""A check for each topic of the facts, on literal values of the wire: of what the broker sends, of what the simulator
answers. Nothing is read through the broker's or the simulator's own code.
"""

from tests.unit.providers.presets.fact_checks import client, identity, request, response
from tests.unit.providers.presets.fact_checks.registry import CHECKS

__all__ = ["CHECKS", "client", "identity", "request", "response"]
