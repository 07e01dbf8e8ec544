"""Dialects of national providers, each with invented people. `DIALECTS` lists them by the name of the preset."""

from collections.abc import Mapping

from providers.simulator.dialects.singpass import SINGPASS
from providers.simulator.settings import Issuer

DIALECTS: Mapping[str, Issuer] = {
    "singpass": SINGPASS,
}

__all__ = ["DIALECTS"]
