"""What operators and their machines ask of a process: is it alive, is it ready, what does it count.

`open_meters` makes the counters, `RequestMetricsMiddleware` counts requests around an application, `Readiness` says
whether requests
should come, `Rotation` refuses those that come while the clock is off, `alive_routes` and `metrics_route` are the
addresses where all of it is asked.
"""

from broker.web.operations.gauges import update_gauges
from broker.web.operations.metrics_setup import clear, open_metrics
from broker.web.operations.readiness import Readiness
from broker.web.operations.request_metrics import REFUSED, RequestMetricsMiddleware, templates
from broker.web.operations.rotation import Rotation
from broker.web.operations.routes import alive_routes, metrics_route

__all__ = [
    "REFUSED",
    "Readiness",
    "RequestMetricsMiddleware",
    "Rotation",
    "alive_routes",
    "clear",
    "metrics_route",
    "open_metrics",
    "templates",
    "update_gauges",
]
