"""What is noted of every protocol error, whoever it is told to."""

import logging
from collections.abc import Callable
from typing import Final

from starlette.requests import Request

from broker.oidc.errors import DisplayedError, EndpointError, RedirectedError
from broker.web.operations import REFUSED
from broker.web.shared import request_parsing

LOG = logging.getLogger("portico.services")

ErrorListener = DisplayedError | RedirectedError | EndpointError
"""A protocol error of any of the three kinds."""

ERROR_LISTENER: Final = "refusals"
"""The member of `request.state` in which the inspector, in development, leaves a function that takes the error."""


def log_protocol_error(request: Request, error: ErrorListener) -> None:
    """Notes an error in the log, for the counters, and for the inspector where there is one."""
    LOG.info("refused", extra={"path": request_parsing.path(request), "error": error.code, "detail": error.detail})
    state = request.scope["state"]
    state[REFUSED] = error.code
    listener: Callable[[ErrorListener], None] | None = state.get(ERROR_LISTENER)
    if listener is not None:
        listener(error)
