"""The last line: an exception that nobody expected is logged once, without what it carried."""

import logging
import traceback

from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("portico.web")


class Mishaps:
    """Logs the type and the places of an unexpected exception, and answers if nobody else did.

    The text of an exception may hold what a citizen sent, so it is not logged.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def noticed(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, noticed)
        except ClientDisconnect:
            log.info("client_left", extra={"request_id": scope.get("state", {}).get("request_id")})
        except Exception as mishap:  # the outermost place: there is nobody left to whom it could go
            log.error(
                "request_failed",
                extra={
                    "request_id": scope.get("state", {}).get("request_id"),
                    "exception": type(mishap).__name__,
                    "places": [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(mishap.__traceback__)],
                },
            )
            if not started:
                await PlainTextResponse("There is a problem on our side.\n", status_code=500)(scope, receive, send)
