"""What operators and their machines ask of a process: is it alive, is it ready, what does it count.

`open_meters` makes the counters, `Measured` counts requests around an application, `Readiness` says whether requests
should come, `Rotation` refuses those that come while the clock is off, `alive_routes` and `metrics_route` are the
addresses where all of it is asked.
"""

from broker.web.operations.beat import beat
from broker.web.operations.measured import REFUSED, Measured, templates
from broker.web.operations.opening import clear, open_meters
from broker.web.operations.readiness import Readiness
from broker.web.operations.rotation import Rotation
from broker.web.operations.routes import alive_routes, metrics_route

__all__ = [
    "REFUSED",
    "Measured",
    "Readiness",
    "Rotation",
    "alive_routes",
    "beat",
    "clear",
    "metrics_route",
    "open_meters",
    "templates",
]
