"""Authorization endpoint of one simulated issuer: the sign-in page, and its response (OpenID Connect Core 3.1.2)."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response

from broker.platform.system import System
from providers.simulator.outcomes import OK
from providers.simulator.pages import message_page, sign_in_page
from providers.simulator.requests import (
    BadRequest,
    RefusedRequest,
    Request,
    find_outcome,
    find_persona,
    parse_login_hint,
    parse_request,
)
from providers.simulator.responses import NO_STORE, page, read_form
from providers.simulator.sessions import BrowserSessions
from providers.simulator.settings import SimulatorSettings
from providers.simulator.state import CODE_LIFE, RememberedSession, SimulatedIssuer, SimulatedSignIn


class AuthorizationEndpoint:
    """Receives authorization requests and signs citizens in."""

    def __init__(
        self, simulated: SimulatedIssuer, settings: SimulatorSettings, system: System, sessions: BrowserSessions
    ) -> None:
        """Of one issuer."""
        self._simulated = simulated
        self._settings = settings
        self._system = system
        self._sessions = sessions

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
            self._sessions.keep(response, self._simulated.memory.begin_session(persona, at))
        return response

    def _still_signed_in(self, request: HttpRequest, asked: Request) -> RememberedSession | None:
        """The signed-in persona, unless the request demands a new authentication or the session is too old for
        `max_age`."""
        known = self._sessions.find(request)
        if known is None or "login" in asked.prompt:
            return None
        if asked.max_age is not None and self._system.now() - known.at >= asked.max_age:
            return None
        return known

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

    def _page(self, text: str, *leads_to: str, status: int = 200) -> Response:
        return page(text, *leads_to, *([self._settings.hop] if self._settings.hop else []), status=status)
