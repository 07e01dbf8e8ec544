"""Another sample service of the demonstration: a land register in the profile `fapi2`.

It pushes its requests (RFC 9126), authenticates with its key, and binds its tokens to it (DPoP). So a citizen sees that
two services know the same person by two subjects, and that a way to sign in works at both.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import httpx2
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from broker.demo.signing_client import SigningClient, base64url_sha256

CLIENT: Final = "land-register"
HOME: Final = "/land-register"


@dataclass(slots=True)
class LandRegister:
    """The pages of the register, and the citizens who are signed in there."""

    client: SigningClient
    base: str
    people: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, issuer: str, base: str, folder: Path) -> "LandRegister | None":
        """The register whose key lies in the folder; None if the configuration has none."""
        signing = SigningClient.of(issuer, CLIENT, folder)
        return None if signing is None else cls(signing, base)

    @property
    def callback(self) -> str:
        """The redirect URI."""
        return f"{self.base}{HOME}/callback"

    def routes(self, page: Callable[..., Response]) -> list[Route]:
        """The page, the start of a sign-in, and the redirect URI."""

        async def home(request: Request) -> Response:
            person = self.people.get(request.session.get("register", ""))
            return page(request, "land_register.html", person=person, wrong=request.session.pop("register_wrong", ""))

        async def sign_in(request: Request) -> Response:
            state, verifier = secrets.token_urlsafe(16), secrets.token_urlsafe(32)
            request.session["register_asked"] = [state, verifier]
            return RedirectResponse(await self._pushed(state, verifier), status_code=303)

        async def callback(request: Request) -> Response:
            state, verifier = request.session.pop("register_asked", ["", ""])
            answer = request.query_params
            if state and secrets.compare_digest(answer.get("state", ""), state):
                person = await self._redeem(answer.get("code", ""), verifier) if "code" in answer else None
                visit = secrets.token_urlsafe(16)
                if person is None:
                    request.session["register_wrong"] = answer.get("error", "invalid_grant")
                else:
                    self.people[visit] = person
                    request.session["register"] = visit
            return RedirectResponse(HOME, status_code=303)

        return [
            Route(HOME, home),
            Route(f"{HOME}/sign-in", sign_in, methods=["POST"]),
            Route(f"{HOME}/callback", callback),
        ]

    async def _pushed(self, state: str, verifier: str) -> str:
        """The address at the broker of a pushed request."""
        asked = {
            "response_type": "code",
            "redirect_uri": self.callback,
            "scope": "openid profile",
            "state": state,
            "code_challenge": base64url_sha256(verifier),
            "code_challenge_method": "S256",
        }
        async with httpx2.AsyncClient() as client:
            _, pushed = await self.client.send(client, "/par", asked)
        query = urlencode({"client_id": CLIENT, "request_uri": pushed["request_uri"]})
        return f"{self.client.issuer}/authorize?{query}"

    async def _redeem(self, code: str, verifier: str) -> Mapping[str, Any] | None:
        """The claims of a citizen, from the ID token and the userinfo response; None if the code is refused."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.callback}
        async with httpx2.AsyncClient() as client:
            status, tokens = await self.client.send(client, "/token", {**form, "code_verifier": verifier})
            if status != 200:
                return None
            token = tokens["access_token"]
            head = {"Authorization": f"DPoP {token}", **self.client.proof("GET", "/userinfo", token)}
            userinfo = await client.get(f"{self.client.issuer}/userinfo", headers=head)
            keys = (await client.get(f"{self.client.issuer}/jwks")).json()
        try:
            claims = jwt.decode(tokens["id_token"], KeySet.import_key_set(keys), algorithms=["ES256"]).claims
        except (JoseError, ValueError):
            return None
        right = claims.get("iss") == self.client.issuer and claims.get("aud") == CLIENT
        return {**userinfo.json(), **claims} if right else None
