"""Endpoints of one simulated issuer."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response

from broker.crypto.jose import SIGNATURE_ALGORITHMS, InvalidToken, parse_keys, sign, verify
from broker.platform.system import System
from providers.simulator.client_authentication import authenticate, fits_challenge
from providers.simulator.outcomes import OK
from providers.simulator.pages import message_page, sign_in_page, sign_out_page
from providers.simulator.requests import (
    BadRequest,
    RefusedRequest,
    Request,
    find_outcome,
    find_persona,
    parameters,
    parse_login_hint,
    parse_request,
)
from providers.simulator.settings import SimulatorSettings
from providers.simulator.state import CODE_LIFE, RememberedSession, SimulatedIssuer, SimulatedSignIn
from providers.simulator.tokens import claims_about, id_token

MAX_FORM: Final = 65_536
NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class IssuerEndpoints:
    """Endpoints of one issuer."""

    def __init__(self, simulated: SimulatedIssuer, settings: SimulatorSettings, system: System, style: str) -> None:
        """`style` is the style sheet of all issuers, to which this issuer's colour is added."""
        self._simulated = simulated
        self._settings = settings
        self._system = system
        self._style = f":root {{ --tint: {simulated.issuer.tint}; }}\n{style}"

    async def metadata(self, _request: HttpRequest) -> Response:
        """OpenID Connect Discovery 1.0 4."""
        url, issuer = self._simulated.url, self._simulated.issuer
        return JSONResponse(
            {
                "issuer": url,
                "authorization_endpoint": f"{url}/authorize",
                "token_endpoint": f"{url}/token",
                "userinfo_endpoint": f"{url}/userinfo",
                "end_session_endpoint": f"{url}/logout",
                "jwks_uri": f"{url}/jwks",
                "scopes_supported": ["openid", "profile", "email", "phone", "address"],
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code"],
                "subject_types_supported": ["public"],
                "acr_values_supported": list(issuer.levels),
                "id_token_signing_alg_values_supported": [issuer.algorithm],
                "token_endpoint_auth_methods_supported": [
                    "private_key_jwt",
                    "client_secret_basic",
                    "client_secret_post",
                ],
                "token_endpoint_auth_signing_alg_values_supported": list(SIGNATURE_ALGORITHMS),
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": issuer.announces_issuer,
            }
        )

    async def jwks(self, _request: HttpRequest) -> Response:
        """The issuer's public keys."""
        return JSONResponse(self._simulated.memory.jwks)

    async def style(self, _request: HttpRequest) -> Response:
        """The style sheet in the issuer's colour."""
        return Response(self._style, media_type="text/css")

    async def authorize(self, request: HttpRequest) -> Response:
        """The sign-in page, or immediately the response that a login hint asks for."""
        query = request.scope["query_string"].decode("latin-1")
        try:
            asked = parse_request(query, self._simulated.issuer)
            hinted = parse_login_hint(asked.hint, self._simulated.issuer)
        except BadRequest as problem:
            return self._page(message_page(self._simulated, "This link does not work", str(problem)), status=400)
        except RefusedRequest as refused:
            return self._back(refused.redirect_uri, {"error": refused.error}, refused.state)
        if hinted.outcome is None:
            known = self._still_signed_in(request, asked)
            return self._page(sign_in_page(self._simulated, asked, query, known), asked.redirect_uri)
        persona = hinted.persona or self._simulated.issuer.personas[0]
        return self._answer(SimulatedSignIn(asked, persona, hinted.outcome, *self._times()))

    async def sign_in(self, request: HttpRequest) -> Response:
        """Handles the form of the page."""
        try:
            form = await read_form(request)
            asked = parse_request(form.get("request", ""), self._simulated.issuer)
            known = self._still_signed_in(request, asked) if "again" in form else None
            if known is not None:
                return self._answer(SimulatedSignIn(asked, known.persona, OK, known.at, self._times()[1]))
            persona = find_persona(form.get("persona", ""), self._simulated.issuer)
            outcome = find_outcome(form.get("outcome", OK.name))
        except (BadRequest, RefusedRequest) as problem:
            return self._page(message_page(self._simulated, "This form does not work", str(problem)), status=400)
        at, expires = self._times()
        response = self._answer(SimulatedSignIn(asked, persona, outcome, at, expires))
        if outcome.error is None:
            self._keep(response, self._simulated.memory.begin_session(persona, at))
        return response

    async def token(self, request: HttpRequest) -> Response:
        """OpenID Connect Core 3.1.3, with the fault of the sign-in's outcome."""
        try:
            form = await read_form(request)
        except BadRequest:
            return _error("invalid_request", 400)
        client = authenticate(self._simulated, form, request.headers.get("authorization"), self._system.now())
        if client is None:
            return _error("invalid_client", 401)
        if form.get("grant_type") != "authorization_code":
            return _error("unsupported_grant_type", 400)
        sign_in = self._simulated.memory.take_code(form.get("code", ""))
        if sign_in is None or sign_in.request.client != client:
            return _error("invalid_grant", 400)
        asked = sign_in.request
        if form.get("redirect_uri") != asked.redirect_uri:
            return _error("invalid_grant", 400)
        if not fits_challenge(form.get("code_verifier", ""), asked.challenge):
            return _error("invalid_grant", 400)
        return await self._break(sign_in) or self._grant(sign_in)

    async def userinfo(self, request: HttpRequest) -> Response:
        """OpenID Connect Core 5.3."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        sign_in = self._simulated.memory.find_token(token) if kind.lower() == "bearer" else None
        if sign_in is None:
            return Response(status_code=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        return self._break_userinfo(sign_in) or JSONResponse(claims_about(sign_in), headers=NO_STORE)

    async def logout(self, request: HttpRequest) -> Response:
        """OpenID Connect RP-Initiated Logout 1.0 2: immediately with an ID token of this issuer, otherwise after a
        confirmation."""
        try:
            asked = request.scope["query_string"].decode("latin-1")
            given = parameters(asked) if request.method == "GET" else await read_form(request)
        except BadRequest:
            given = {}
        if not self._names_us(given) and "agreed" not in given and self._session(request) is not None:
            return self._page(sign_out_page(self._simulated, given), given.get("post_logout_redirect_uri", ""))
        response = self._signed_out(given)
        self._simulated.memory.end_session(request.cookies.get(self._cookie, ""))
        self._keep(response, "", seconds=0)
        return response

    def _signed_out(self, given: Mapping[str, str]) -> Response:
        back, state = given.get("post_logout_redirect_uri"), given.get("state")
        if any(back in client.post_logout_redirect_uris for client in self._simulated.issuer.clients) and back:
            return RedirectResponse(back + (f"?{urlencode({'state': state})}" if state else ""), 303)
        return self._page(message_page(self._simulated, "You are signed out", "You can close this page."))

    @property
    def _cookie(self) -> str:
        return f"simulator-{self._simulated.issuer.name}"

    def _keep(self, response: Response, session: str, seconds: int = 86_400) -> None:
        """Sets the session cookie, which is persistent, as at real providers."""
        path = urlsplit(self._simulated.url).path
        response.set_cookie(self._cookie, session, max_age=seconds, path=path, httponly=True, samesite="lax")

    def _session(self, request: HttpRequest) -> RememberedSession | None:
        return self._simulated.memory.find_session(request.cookies.get(self._cookie, ""))

    def _still_signed_in(self, request: HttpRequest, asked: Request) -> RememberedSession | None:
        """The signed-in persona, unless the request demands a new authentication or the session is too old for
        `max_age`."""
        known = self._session(request)
        if known is None or "login" in asked.prompt:
            return None
        if asked.max_age is not None and self._system.now() - known.at >= asked.max_age:
            return None
        return known

    def _names_us(self, given: Mapping[str, str]) -> bool:
        """Whether an `id_token_hint` was issued by this issuer to one of its clients."""
        try:
            claims = verify(
                given.get("id_token_hint", ""), parse_keys(self._simulated.memory.jwks), SIGNATURE_ALGORITHMS
            )
        except InvalidToken:
            return False
        return claims.claims.get("aud") in [client.client_id for client in self._simulated.issuer.clients]

    async def order(self, _request: HttpRequest) -> Response:
        """Toggles the outage of the issuer."""
        self._simulated.memory.out_of_order = not self._simulated.memory.out_of_order
        return RedirectResponse(f"{self._settings.base}/", 303)

    async def out_of_order(self, _request: HttpRequest) -> Response:
        """The response of every endpoint during the outage."""
        text = message_page(self._simulated, "Out of order", "Try again later.")
        return self._page(text, status=503)

    def _times(self) -> tuple[int, float]:
        now = self._system.now()
        return int(now), now + CODE_LIFE

    def _answer(self, sign_in: SimulatedSignIn) -> Response:
        asked, memory, name = sign_in.request, self._simulated.memory, sign_in.outcome.name
        if sign_in.outcome.error is not None:
            return self._back(asked.redirect_uri, {"error": sign_in.outcome.error}, asked.state)
        if name == "took_too_long":
            return self._page(message_page(self._simulated, "One moment please", "It goes on here no more."))
        if name in ("huge_keys", "key_rotated", "key_replaced"):
            memory.rotate(huge=name == "huge_keys", same_id=name == "key_replaced")
        code = memory.new_code(sign_in)
        if name == "replayed_code":
            memory.take_code(code)
        state = "the-state-of-somebody-else" if name == "other_state" else asked.state
        return self._back(asked.redirect_uri, {"code": code}, state, issuer=self._named_issuer(name))

    def _named_issuer(self, outcome: str) -> str | None:
        if outcome == "mix_up":
            return f"{self._simulated.url}-of-somebody-else"
        return self._simulated.url if self._simulated.issuer.announces_issuer and outcome != "missing_issuer" else None

    def _back(
        self, redirect_uri: str, answer: Mapping[str, str], state: str | None, issuer: str | None = ""
    ) -> Response:
        if issuer == "":
            issuer = self._named_issuer("")
        answer = {**answer, **({"state": state} if state is not None else {}), **({"iss": issuer} if issuer else {})}
        url = f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(answer)}"
        if self._settings.hop is not None:
            url = f"{self._settings.hop}?to={quote(url, safe='')}"
        return RedirectResponse(url, 303, headers=NO_STORE)

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

    def _grant(self, sign_in: SimulatedSignIn) -> Response:
        now, life = int(self._system.now()), self._settings.life
        access_token = self._simulated.memory.new_token(replace(sign_in, expires=now + life))
        tokens = {"access_token": access_token, "token_type": "Bearer", "expires_in": life}
        if sign_in.outcome.name != "no_id_token":
            tokens["id_token"] = id_token(self._simulated, sign_in, access_token, now, life)
        return JSONResponse(tokens, headers=NO_STORE)

    def _page(self, text: str, *leads_to: str, status: int = 200) -> Response:
        return page(text, *leads_to, *([self._settings.hop] if self._settings.hop else []), status=status)


def page(text: str, *leads_to: str, status: int = 200) -> Response:
    """A page without script. `leads_to`: targets of its form after redirects, since browsers check every redirect
    (`form-action`)."""
    origins = [f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, leads_to)]
    policy = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
    policy += " ".join(["form-action 'self'", *origins])
    headers = {
        **NO_STORE,
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return HTMLResponse(text, status, headers=headers)


async def read_form(request: HttpRequest) -> Mapping[str, str]:
    """The fields of a form, each once. Raises BadRequest."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_FORM:
            raise BadRequest("The form is too large.")
    try:
        return parameters(body.decode("ascii"))
    except UnicodeDecodeError:
        raise BadRequest("The form cannot be read.") from None


def _error(code: str, status: int) -> Response:
    return JSONResponse({"error": code}, status, headers=NO_STORE)
