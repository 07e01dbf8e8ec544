"""An id by which a service and we find the same call in two logs (FAPI 1.0 Baseline 6.2.1, for FAPI-CIBA)."""

import re
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from broker.platform.system import System
from broker.web.services.json_responses import Handler
from broker.web.shared import request_parsing

HEADER: Final = "x-fapi-interaction-id"
_GIVEN: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)


def with_interaction_id(handler: Handler, system: System) -> Handler:
    """The handler, whose every answer bears the id that the service sent, or one that is drawn (RFC 9562 5.4).

    What is not a UUID is not repeated.
    """

    async def answer(request: Request) -> Response:
        given = request_parsing.header(request, HEADER.encode())
        response = await handler(request)
        if given is None or not _GIVEN.fullmatch(given):
            given = str(UUID(bytes=system.random_bytes(16), version=4))
        response.headers[HEADER] = given
        return response

    return answer
