"""Userinfo endpoint of one simulated issuer (OpenID Connect Core 5.3)."""

import json

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from broker.crypto.jose import sign
from providers.simulator.responses import NO_STORE
from providers.simulator.state import SimulatedIssuer, SimulatedSignIn
from providers.simulator.tokens import claims_about


class UserinfoEndpoint:
    """Returns claims for an access token."""

    def __init__(self, simulated: SimulatedIssuer) -> None:
        """Of one issuer."""
        self._simulated = simulated

    async def userinfo(self, request: HttpRequest) -> Response:
        """OpenID Connect Core 5.3."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        sign_in = self._simulated.memory.find_token(token) if kind.lower() == "bearer" else None
        if sign_in is None:
            return Response(status_code=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        return self._break_userinfo(sign_in) or JSONResponse(claims_about(sign_in), headers=NO_STORE)

    def _break_userinfo(self, sign_in: SimulatedSignIn) -> Response | None:
        """The fault instead of claims, or None."""
        text = json.dumps(claims_about(sign_in))
        match sign_in.outcome.name:
            case "userinfo_500":
                return PlainTextResponse("broken", 500)
            case "userinfo_401":
                return Response(status_code=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
            case "userinfo_signed":
                signed = sign(claims_about(sign_in), self._simulated.memory.key)
                return Response(signed, media_type="application/jwt", headers=NO_STORE)
            case "odd_name":
                return Response(f'{text[:-1]}, "nickname": "\\ud83d"}}', media_type="application/json")
            case "doubled_member":
                return Response(f'{text[:-1]}, "sub": "twice"}}', media_type="application/json")
        return None
