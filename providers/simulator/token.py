"""Token endpoint of one simulated issuer (OpenID Connect Core 3.1.3)."""

import asyncio
from dataclasses import replace

from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response

from broker.platform.system import System
from providers.simulator.client_authentication import authenticate, fits_challenge
from providers.simulator.requests import BadRequest
from providers.simulator.responses import NO_STORE, error_response, read_form
from providers.simulator.settings import SimulatorSettings
from providers.simulator.state import SimulatedIssuer, SimulatedSignIn
from providers.simulator.tokens import id_token


class TokenEndpoint:
    """Exchanges codes for tokens."""

    def __init__(self, simulated: SimulatedIssuer, settings: SimulatorSettings, system: System) -> None:
        """Of one issuer."""
        self._simulated = simulated
        self._settings = settings
        self._system = system

    async def token(self, request: HttpRequest) -> Response:
        """OpenID Connect Core 3.1.3, with the fault of the sign-in's outcome."""
        try:
            form = await read_form(request)
        except BadRequest:
            return error_response("invalid_request", 400)
        client = authenticate(self._simulated, form, request.headers.get("authorization"), self._system.now())
        if client is None:
            return error_response("invalid_client", 401)
        if form.get("grant_type") != "authorization_code":
            return error_response("unsupported_grant_type", 400)
        sign_in = self._simulated.memory.take_code(form.get("code", ""))
        if sign_in is None or sign_in.request.client != client:
            return error_response("invalid_grant", 400)
        asked = sign_in.request
        if form.get("redirect_uri") != asked.redirect_uri:
            return error_response("invalid_grant", 400)
        if not fits_challenge(form.get("code_verifier", ""), asked.challenge):
            return error_response("invalid_grant", 400)
        return await self._break(sign_in) or self._grant(sign_in)

    async def _break(self, sign_in: SimulatedSignIn) -> Response | None:
        """The fault instead of tokens, or None."""
        match sign_in.outcome.name:
            case "slow":
                await asyncio.sleep(self._settings.slow)
            case "gone":
                return PlainTextResponse("Not Found", 404)
            case "token_500":
                return PlainTextResponse("Internal Server Error", 500)
            case "token_429":
                return JSONResponse({"error": "slow_down"}, 429, headers={"Retry-After": "30"})
            case "junk":
                return HTMLResponse("<h1>It works!</h1>\x00")
            case "redirects":
                return RedirectResponse(f"{self._simulated.url}-elsewhere/token", 307)
            case "huge_answer":
                return JSONResponse({"access_token": "x" * 4_000_000})
        return None

    def _grant(self, sign_in: SimulatedSignIn) -> Response:
        now, life = int(self._system.now()), self._settings.life
        access_token = self._simulated.memory.new_token(replace(sign_in, expires=now + life))
        tokens = {"access_token": access_token, "token_type": "Bearer", "expires_in": life}
        if sign_in.outcome.name != "no_id_token":
            tokens["id_token"] = id_token(self._simulated, sign_in, access_token, now, life)
        return JSONResponse(tokens, headers=NO_STORE)
