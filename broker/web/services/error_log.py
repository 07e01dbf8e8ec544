"""Protocol error log: records an error in the log, for the metrics and for the inspector."""

import logging
from collections.abc import Callable
from typing import Final

from starlette.requests import Request

from broker.oidc.errors import DisplayedError, EndpointError, RedirectedError
from broker.web.operations import REFUSED
from broker.web.shared import request_parsing

LOG = logging.getLogger("portico.services")

ErrorListener = DisplayedError | RedirectedError | EndpointError
"""A protocol error: displayed to the citizen, redirected to the service, or sent by an endpoint."""

ERROR_LISTENER: Final = "refusals"
"""The member of `request.state` in which the inspector, in development, stores a function that receives the error."""


def log_protocol_error(request: Request, error: ErrorListener) -> None:
    """Logs an error at INFO, stores its code for the metrics, and passes it to the inspector if there is one."""
    LOG.info("refused", extra={"path": request_parsing.path(request), "error": error.code, "detail": error.detail})
    state = request.scope["state"]
    state[REFUSED] = error.code
    listener: Callable[[ErrorListener], None] | None = state.get(ERROR_LISTENER)
    if listener is not None:
        listener(error)
