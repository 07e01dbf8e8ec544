"""Request inspector, in development only: the recent requests of services, and the rules they passed or broke.

`CaptureMiddleware` wraps the application and records each exchange in an `ExchangeLog`, without secrets. `rules` finds
which functions of `broker.oidc` judged the request. `inspector_route` shows the log. In production none of it is built.
"""

from broker.web.inspector.capture import CaptureMiddleware
from broker.web.inspector.exchange_log import ExchangeLog
from broker.web.inspector.page import SHEETS, inspector_route

__all__ = ["SHEETS", "CaptureMiddleware", "ExchangeLog", "inspector_route"]
