"""Case system of a council (CRM): receives each request of the portal by HTTP, with the proof that it rests on."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from authlib.integrations.httpx_client import AsyncOAuth2Client
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

RECEIVE = "/cases/received"


@dataclass(frozen=True, slots=True)
class CouncilCase:
    """A request as the case system holds it: `subject` is the citizen's at the council, `acr` the level reached."""

    number: str
    what: str
    subject: str
    name: str
    acr: str


class CaseSystem:
    """The case system. It knows no broker: it trusts the portal, which shares a secret with it."""

    def __init__(self) -> None:
        self.secret = secrets.token_urlsafe(24)
        self.cases: list[CouncilCase] = []

    def routes(self, page: Callable[..., Response]) -> list[Route]:
        """The list of cases, and the address to which the portal sends them."""

        async def listed(request: Request) -> Response:
            return page(request, "cases.html", cases=self.cases)

        async def receive(request: Request) -> Response:
            if not secrets.compare_digest(request.headers.get("authorization", ""), f"Bearer {self.secret}"):
                return JSONResponse({"error": "unauthorized"}, 401)
            sent: dict[str, Any] = await request.json()
            number = f"C-{len(self.cases) + 1:04}"
            self.cases.append(CouncilCase(number, sent["what"], sent["subject"], sent["name"], sent["acr"]))
            return JSONResponse({"number": number}, 201)

        return [Route("/cases", listed), Route(RECEIVE, receive, methods=["POST"])]


async def send_case(base: str, secret: str, case: dict[str, str]) -> str:
    """Sends a request to the case system. Returns the case's number."""
    async with AsyncOAuth2Client() as client:
        answer = await client.request(
            "POST", f"{base}{RECEIVE}", json=case, headers={"Authorization": f"Bearer {secret}"}, withhold_token=True
        )
    return str(answer.json()["number"])
