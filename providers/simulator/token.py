"""Token endpoint of one simulated issuer (OpenID Connect Core 3.1.3 and 12), and the revocation of refresh tokens."""

import asyncio
from dataclasses import replace
from typing import Final

from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response

from broker.platform.system import System
from providers.simulator.client_authentication import authenticate, fits_challenge
from providers.simulator.requests import BadRequest
from providers.simulator.responses import NO_STORE, error_response, read_form
from providers.simulator.settings import SimulatedClient, SimulatorSettings
from providers.simulator.state import SimulatedIssuer, SimulatedSignIn
from providers.simulator.tokens import id_token

REFRESH_LIFE: Final = 86_400
"""Lifetime of a refresh token in seconds."""


class TokenEndpoint:
    """Exchanges codes and refresh tokens for tokens."""

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
        if form.get("grant_type") == "refresh_token":
            return await self._refresh(form.get("refresh_token", ""), client)
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
        return await self._break(sign_in) or self._grant(sign_in, sign_in)

    async def revoke(self, request: HttpRequest) -> Response:
        """RFC 7009: a refresh token ends with what followed it; the answer is always 200 (2.2)."""
        try:
            form = await read_form(request)
        except BadRequest:
            return error_response("invalid_request", 400)
        if authenticate(self._simulated, form, request.headers.get("authorization"), self._system.now()) is None:
            return error_response("invalid_client", 401)
        sign_in = self._simulated.memory.find_refresh_token(form.get("token", ""))
        if sign_in is not None:
            self._simulated.memory.revoke_grants(sign_in)
        return Response(status_code=200, headers=NO_STORE)

    async def _refresh(self, token: str, client: SimulatedClient) -> Response:
        """OpenID Connect Core 12, with a new refresh token each time. An outcome `refresh_...` comes true here."""
        memory = self._simulated.memory
        known = memory.find_refresh_token(token)
        if known is not None and known.request.client != client:
            return error_response("invalid_grant", 400)
        sign_in = memory.take_refresh_token(token)
        if sign_in is None or sign_in.outcome.name == "refresh_revoked":
            return error_response("invalid_grant", 400)
        fault = sign_in.outcome.name.removeprefix("refresh_")
        bent = replace(sign_in, outcome=replace(sign_in.outcome, name=fault))
        return await self._break(bent) or self._grant(bent, sign_in)

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

    def _grant(self, sign_in: SimulatedSignIn, later: SimulatedSignIn) -> Response:
        """The tokens of a sign-in, with a refresh token that is about `later`, if one was asked for."""
        now, life, memory = int(self._system.now()), self._settings.life, self._simulated.memory
        access_token = memory.new_token(replace(sign_in, expires=now + life))
        tokens = {"access_token": access_token, "token_type": "Bearer", "expires_in": life}
        if "offline_access" in sign_in.request.scope:
            tokens["refresh_token"] = memory.new_refresh_token(replace(later, expires=now + REFRESH_LIFE))
        if sign_in.outcome.name != "no_id_token":
            tokens["id_token"] = id_token(self._simulated, sign_in, access_token, now, life)
        return JSONResponse(tokens, headers=NO_STORE)
