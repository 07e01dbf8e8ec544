"""Simulated national providers, played from the facts that they publish.

`dialect` reads the facts about one provider: addresses, algorithms, levels. `server` gives every published host a
folder, `endpoints` handles requests: `checks` refuses what the provider would refuse, `tokens` makes its documents of
what `claims` says about one of the `people`. `script` holds the next answers and the log, `store` codes and tokens,
`keys` signs and encrypts with a library that the broker does not sign with, `faults` breaks endpoints and published
documents.
"""

from providers.simulator.national.dialect import Dialect, read_dialect
from providers.simulator.national.endpoints import NationalProvider
from providers.simulator.national.people import PEOPLE
from providers.simulator.national.script import OUTCOMES, Answer
from providers.simulator.national.server import create_national, folder

__all__ = ["OUTCOMES", "PEOPLE", "Answer", "Dialect", "NationalProvider", "create_national", "folder", "read_dialect"]
