"""The last line: an exception that nobody expected is logged once, without what it carried."""

import logging
import traceback

from starlette.responses import PlainTextResponse
from starlette.types import Scope

log = logging.getLogger("portico.web")


def log_unhandled(scope: Scope, mishap: Exception) -> None:
    """Logs the type and the places of an unexpected exception.

    The text of an exception may hold what a citizen sent, so it is not logged.
    """
    log.error(
        "request_failed",
        extra={
            "request_id": scope["state"]["request_id"],
            "exception": type(mishap).__name__,
            "places": [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(mishap.__traceback__)],
        },
    )


def log_client_disconnect(scope: Scope) -> None:
    """Logs that whoever asked went away before everything was said: nobody's mistake."""
    log.info("client_disconnected", extra={"request_id": scope["state"]["request_id"]})


def unhandled_error_response() -> PlainTextResponse:
    """The answer where nobody else gave one."""
    return PlainTextResponse("There is a problem on our side.\n", status_code=500)
