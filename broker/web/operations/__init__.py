"""Operations endpoints and metrics of a process: /livez, /readyz, /metrics, gauges, taking itself out of rotation.

Before the workers start, `clear` empties the metrics folder of ended processes. A worker opens its counters with
`open_metrics` (`metrics_setup`; `metrics` lists every counter). `RequestMetricsMiddleware` counts and times requests;
inside it, `ClockGuard` answers 503 while this machine's clock is off. `Readiness` checks stores for /readyz,
`update_gauges` publishes its results every few seconds, and `routes` serves the endpoints.
"""

from broker.web.operations.clock_guard import ClockGuard
from broker.web.operations.metric_files import clear
from broker.web.operations.metrics_setup import open_metrics
from broker.web.operations.readiness import Readiness, update_gauges
from broker.web.operations.request_metrics import REFUSED, RequestMetricsMiddleware, templates
from broker.web.operations.routes import alive_routes, metrics_route

__all__ = [
    "REFUSED",
    "ClockGuard",
    "Readiness",
    "RequestMetricsMiddleware",
    "alive_routes",
    "clear",
    "metrics_route",
    "open_metrics",
    "templates",
    "update_gauges",
]
