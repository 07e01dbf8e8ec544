"""What is noted of every protocol error, whoever it is told to."""

import logging
from collections.abc import Callable
from typing import Final

from starlette.requests import Request

from broker.oidc.errors import Redirected, Shown, TokenError
from broker.web import asked
from broker.web.operations import REFUSED

LOG = logging.getLogger("portico.services")

Told = Shown | Redirected | TokenError
"""A protocol error of any of the three kinds."""

LISTENER: Final = "refusals"
"""The member of `request.state` in which the inspector, in development, leaves a function that takes the error."""


def refused(request: Request, error: Told) -> None:
    """Notes an error in the log, for the counters, and for the inspector where there is one."""
    LOG.info("refused", extra={"path": asked.path(request), "error": error.code, "detail": error.detail})
    state = request.scope["state"]
    state[REFUSED] = error.code
    listener: Callable[[Told], None] | None = state.get(LISTENER)
    if listener is not None:
        listener(error)
