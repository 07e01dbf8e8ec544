"""Simulator of the registers that connectors ask: deaths, misuse, and lost or stolen documents.

A person whose family name is Gone has died, one named Misused is reported, a document whose number contains 666 is
stolen, and the family name Unknown is in no register. The name Silent gets no answer.
"""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


async def look_up(request: Request) -> Response:
    """Answers the checks of a question (`platform.connectors`)."""
    asked = await request.json()
    values, checks = asked.get("values", {}), asked.get("checks", [])
    family = str(values.get("family_name", "")).casefold()
    if family == "silent":
        return Response(status_code=503)
    wrong = {
        "not_deceased": family == "gone",
        "not_reported": family == "misused",
        "not_stolen": "666" in str(values.get("number", "")),
    }
    unknown = family == "unknown"
    answers = {check: None if unknown else not wrong.get(check, False) for check in checks}
    return JSONResponse({"reference": f"SIM-{asked.get('reference', '')}", "answers": answers})


def register_simulator() -> Starlette:
    """The application of the simulated registers."""
    return Starlette(routes=[Route("/look-up", look_up, methods=["POST"])])
