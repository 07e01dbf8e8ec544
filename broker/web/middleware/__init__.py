"""What surrounds every application: headers, request ids, limits. Pure ASGI, outside of everything else.

Starlette's own outermost layer answers errors itself, so what must be on every answer cannot stand inside it.
"""

from starlette.types import ASGIApp

from broker.platform.system import System
from broker.web.middleware.client_certificates import with_client_certificates
from broker.web.middleware.edge import EdgeMiddleware, HeadRefusal
from broker.web.middleware.heads import refusal_of_head

__all__ = ["EdgeMiddleware", "HeadRefusal", "guarded", "with_client_certificates"]


def guarded(app: ASGIApp, system: System, body_limit: int = 64 * 1024, refuse: HeadRefusal | None = None) -> ASGIApp:
    """The application with everything around it. `body_limit` is the largest body read, in bytes.

    `refuse` gives the page for a request that is refused for its headers, None where plain text will do.
    """
    return EdgeMiddleware(app, system, body_limit, refuse or (lambda _, status: refusal_of_head(status)))
