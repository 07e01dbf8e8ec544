"""The request inspector, in development alone: what services sent lately, and which rules it passed or broke.

`Inspected` surrounds the application and fills a `Memory`, `inspector_route` shows it. Outside development nothing of
it is built.
"""

from broker.web.inspector.listening import Inspected
from broker.web.inspector.memory import Memory
from broker.web.inspector.showing import SHEETS, inspector_route

__all__ = ["SHEETS", "Inspected", "Memory", "inspector_route"]
