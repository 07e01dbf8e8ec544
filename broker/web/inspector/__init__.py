"""The request inspector, in development alone: what services sent lately, and which rules it passed or broke.

`CaptureMiddleware` surrounds the application and fills a `ExchangeLog`, `inspector_route` shows it. Outside
development nothing of
it is built.
"""

from broker.web.inspector.capture import CaptureMiddleware
from broker.web.inspector.exchange_log import ExchangeLog
from broker.web.inspector.page import SHEETS, inspector_route

__all__ = ["SHEETS", "CaptureMiddleware", "ExchangeLog", "inspector_route"]
