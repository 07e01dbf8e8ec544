"""What surrounds every application: headers, request ids, limits. Pure ASGI, outside of everything else.

Starlette's own outermost layer answers errors itself, so what must be on every answer cannot stand inside it.
"""

from starlette.types import ASGIApp

from broker.ambient import Ambient
from broker.web.middleware.certificates import certified
from broker.web.middleware.guard import Guard, HeadRefusal
from broker.web.middleware.heads import refusal_of_head

__all__ = ["Guard", "HeadRefusal", "certified", "guarded"]


def guarded(app: ASGIApp, ambient: Ambient, body_limit: int = 64 * 1024, refuse: HeadRefusal | None = None) -> ASGIApp:
    """The application with everything around it. `body_limit` is the largest body read, in bytes.

    `refuse` gives the page for a request that is refused for its headers, None where plain text will do.
    """
    return Guard(app, ambient, body_limit, refuse or (lambda _, status: refusal_of_head(status)))
