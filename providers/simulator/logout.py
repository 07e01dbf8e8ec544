"""Logout endpoint of one simulated issuer (OpenID Connect RP-Initiated Logout 1.0 2)."""

from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response

from broker.crypto.jose import SIGNATURE_ALGORITHMS, InvalidToken, parse_keys, verify
from providers.simulator.pages import message_page, sign_out_page
from providers.simulator.requests import BadRequest, parameters
from providers.simulator.responses import page, read_form
from providers.simulator.sessions import BrowserSessions
from providers.simulator.settings import SimulatorSettings
from providers.simulator.state import SimulatedIssuer


class LogoutEndpoint:
    """Ends the session of a browser."""

    def __init__(self, simulated: SimulatedIssuer, settings: SimulatorSettings, sessions: BrowserSessions) -> None:
        """Of one issuer."""
        self._simulated = simulated
        self._settings = settings
        self._sessions = sessions

    async def logout(self, request: HttpRequest) -> Response:
        """OpenID Connect RP-Initiated Logout 1.0 2: immediately with an ID token of this issuer, otherwise after a
        confirmation."""
        try:
            asked = request.scope["query_string"].decode("latin-1")
            given = parameters(asked) if request.method == "GET" else await read_form(request)
        except BadRequest:
            given = {}
        if not self._names_us(given) and "agreed" not in given and self._sessions.find(request) is not None:
            return self._page(sign_out_page(self._simulated, given), given.get("post_logout_redirect_uri", ""))
        response = self._signed_out(given)
        self._sessions.end(request, response)
        return response

    def _signed_out(self, given: Mapping[str, str]) -> Response:
        back, state = given.get("post_logout_redirect_uri"), given.get("state")
        if any(back in client.post_logout_redirect_uris for client in self._simulated.issuer.clients) and back:
            return RedirectResponse(back + (f"?{urlencode({'state': state})}" if state else ""), 303)
        return self._page(message_page(self._simulated, "You are signed out", "You can close this page."))

    def _names_us(self, given: Mapping[str, str]) -> bool:
        """Whether an `id_token_hint` was issued by this issuer to one of its clients."""
        try:
            claims = verify(
                given.get("id_token_hint", ""), parse_keys(self._simulated.memory.jwks), SIGNATURE_ALGORITHMS
            )
        except InvalidToken:
            return False
        return claims.claims.get("aud") in [client.client_id for client in self._simulated.issuer.clients]

    def _page(self, text: str, *leads_to: str, status: int = 200) -> Response:
        return page(text, *leads_to, *([self._settings.hop] if self._settings.hop else []), status=status)
