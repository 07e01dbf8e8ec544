"""ASGI middleware around each application: request ids, size limits, security headers, the last exception handler.

`client_certificates` comes first, outside of uvicorn's handling of X-Forwarded-For. Then `edge` assigns the request
id, rejects malformed or oversized headers (`header_checks`), limits the body (`body_limit`), calls the application,
and adds headers to the answer (`security_headers`). It stands outside of Starlette, whose own outermost layer answers
unhandled exceptions: what every response must have cannot be added inside.
"""

from starlette.types import ASGIApp

from broker.platform.system import System
from broker.web.middleware.body_limit import USUAL, BodyLimits
from broker.web.middleware.client_certificates import with_client_certificates
from broker.web.middleware.edge import EdgeMiddleware, HeadRefusal
from broker.web.middleware.header_checks import refusal_of_head

__all__ = ["BodyLimits", "EdgeMiddleware", "HeadRefusal", "guarded", "with_client_certificates"]

_USUAL_LIMITS = BodyLimits(USUAL)


def guarded(
    app: ASGIApp, system: System, limits: BodyLimits = _USUAL_LIMITS, refuse: HeadRefusal | None = None
) -> ASGIApp:
    """Wraps the application in `EdgeMiddleware`. `limits` are the largest bodies accepted.

    `refuse` answers a request whose headers are rejected; None answers in plain text.
    """
    return EdgeMiddleware(app, system, limits, refuse or (lambda _, status: refusal_of_head(status)))
