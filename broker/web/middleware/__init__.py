"""What surrounds every application: headers, request ids, limits. Pure ASGI, outside of everything else.

Starlette's own outermost layer answers errors itself, so what must be on every answer cannot stand inside it.
"""

from starlette.types import ASGIApp

from broker.ambient import Ambient
from broker.web.middleware.headers import SecurityHeaders
from broker.web.middleware.mishaps import Mishaps
from broker.web.middleware.requests import RequestIds
from broker.web.middleware.sizes import BodyLimit

__all__ = ["BodyLimit", "Mishaps", "RequestIds", "SecurityHeaders", "guarded"]


def guarded(app: ASGIApp, ambient: Ambient, body_limit: int = 64 * 1024) -> ASGIApp:
    """The application with everything around it. `body_limit` is the largest body read, in bytes."""
    return SecurityHeaders(RequestIds(Mishaps(BodyLimit(app, body_limit)), ambient))
