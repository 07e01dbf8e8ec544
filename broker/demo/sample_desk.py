"""Sample partner desk: the software at a counter of a post office, which speaks the proofing agent API.

It authenticates with its key (private_key_jwt), and binds its tokens to it (DPoP). It keeps one visit at a time.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from broker.demo.signing_client import SigningClient

CLIENT: Final = "post-office"
COUNTER: Final = {"agent_id": "clerk-7", "location_id": "market-street"}
SEEN: Final = ("seen", "valid", "features", "details_match", "face")
LOOKED_UP: Final = {"not_reported": "register", "not_deceased": "register", "active_months": "history"}


@dataclass(slots=True)
class DeskClient:
    """The desk as a client of the broker, with its access token."""

    signing: SigningClient
    token: str = ""

    @classmethod
    def of(cls, issuer: str, folder: Path) -> "DeskClient | None":
        """The desk whose key lies in the folder; None if the configuration has no desk."""
        signing = SigningClient.of(issuer, CLIENT, folder)
        return None if signing is None else cls(signing)

    async def call(self, method: str, path: str, content: Mapping[str, Any] | None = None) -> tuple[int, Any]:
        """Calls the API, with a new token if the old one is not accepted any more. Returns status and content."""
        key, signing = secrets.token_urlsafe(16), self.signing
        async with httpx2.AsyncClient() as client:
            for _ in range(3):
                if not self.token:
                    form = {"grant_type": "client_credentials", "scope": "desk"}
                    status, granted = await signing.send(client, "/token", form)
                    self.token = granted["access_token"] if status == 200 else ""
                head = {"Authorization": f"DPoP {self.token}", "Idempotency-Key": key}
                head |= signing.proof(method, path, self.token)
                answer = await client.request(method, f"{signing.issuer}{path}", json=content, headers=head)
                signing.nonce = answer.headers.get("DPoP-Nonce", signing.nonce)
                if answer.status_code != 401:
                    break
                self.token = "" if answer.json().get("code") != "use_dpop_nonce" else self.token
            return answer.status_code, answer.json()

    async def read_event(self, token: str) -> str:
        """Verifies an event. Returns it in words, "" for a token that is not accepted."""
        async with httpx2.AsyncClient() as client:
            keys = (await client.get(f"{self.signing.issuer}/jwks")).json()
        try:
            read = jwt.decode(token, KeySet.import_key_set(keys), algorithms=["ES256"])
        except (JoseError, ValueError):
            return ""
        claims = read.claims
        right = read.header.get("typ") == "desk-event+jwt" and claims.get("iss") == self.signing.issuer
        return f"{claims['event']} {claims['case']}" if right and claims.get("aud") == CLIENT else ""


@dataclass(slots=True)
class SampleDesk:
    """The pages of the counter. `case` is the case as the API last showed it, `told` what went wrong."""

    client: DeskClient
    case: dict[str, Any] = field(default_factory=dict)
    told: str = ""
    events: list[str] = field(default_factory=list)

    def routes(self, page: Callable[..., Response]) -> list[Route]:
        """The page, one address for each step of a visit, and the receiver of events."""

        async def shown(request: Request) -> Response:
            if self.case:
                await self._take("GET", f"/desk/v1/cases/{self.case['id']}")
            told, self.told = self.told, ""
            return page(request, "desk.html", case=self.case, told=told, events=self.events[-10:])

        async def step(request: Request) -> Response:
            form = {name: str(value) for name, value in (await request.form()).items()}
            await self._step(request.path_params["step"], form)
            return RedirectResponse("/desk", status_code=303)

        async def event(request: Request) -> Response:
            said = await self.client.read_event((await request.body()).decode("ascii", "replace"))
            self.events += [said] if said else []
            return Response(status_code=204 if said else 400)

        return [
            Route("/desk", shown),
            Route("/desk/events", event, methods=["POST"]),
            Route("/desk/{step}", step, methods=["POST"]),
        ]

    async def _step(self, name: str, form: Mapping[str, str]) -> None:
        """One step of a visit. What the form does not ask is what a clerk with a good passport in hand would tick."""
        at = f"/desk/v1/cases/{self.case.get('id', '')}"
        match name:
            case "find":
                self.case = {}
                if await self._take("POST", "/desk/v1/cases:find", reference=form.get("reference", "")):
                    await self._take("POST", f"/desk/v1/cases/{self.case['id']}:accept")
            case "words":
                await self._take("POST", f"{at}/evidence", piece={"piece": "words", "first": form.get("first", "")})
            case "document":
                await self._record(at, form)
            case "result":
                chosen = form.get("recommendation", "")
                reasons = {"decline": ["face_differs"], "incomplete": ["citizen_left"]}.get(chosen, [])
                suspected = "suspected" in form and chosen != "incomplete"
                sent = {"recommendation": chosen, "reasons": reasons, "suspected_fraud": suspected}
                await self._take("POST", f"{at}:result", **sent)
            case _:
                self.case = {}

    async def _record(self, at: str, form: Mapping[str, str]) -> None:
        """Records the document, the checks of the person, and the details, one piece for each call."""
        fields = {name: form.get(name, "") for name in ("number", "country", "expires")}
        details = {name: form.get(name, "") for name in ("given_name", "family_name", "birthdate")}
        checks = [{"check": check, "outcome": "yes"} for check in SEEN]
        looked = [
            {"check": check, "outcome": "yes", "lookup": {"kind": kind, "source": "Post Office", "reference": "PO-1"}}
            for check, kind in LOOKED_UP.items()
        ]
        for piece in (
            {"piece": "document", "kind": "passport", "fields": fields, "checks": checks},
            {"piece": "person", "checks": looked},
            {"piece": "details", **details},
        ):
            if not await self._take("POST", f"{at}/evidence", piece=piece):
                return

    async def _take(self, method: str, path: str, **content: Any) -> bool:
        """Makes a call and takes the case from its answer, or says what is wrong."""
        status, answer = await self.client.call(method, path, {**COUNTER, **content} if method == "POST" else None)
        if status >= 400:
            wrong = ", ".join(f"{one['pointer']}: {one['code']}" for one in answer.get("errors", ()))
            self.told = f"{answer['detail']} ({answer['code']}{'; ' if wrong else ''}{wrong})"
            return False
        self.case = answer
        return True
