"""Sessions of browsers at one simulated issuer."""

from urllib.parse import urlsplit

from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from providers.simulator.state import RememberedSession, SimulatedIssuer


class BrowserSessions:
    """The cookie of an issuer and the sessions behind it."""

    def __init__(self, simulated: SimulatedIssuer) -> None:
        """Of one issuer."""
        self._simulated = simulated

    @property
    def _cookie(self) -> str:
        return f"simulator-{self._simulated.issuer.name}"

    def keep(self, response: Response, session: str, seconds: int = 86_400) -> None:
        """Sets the session cookie, which is persistent, as at real providers."""
        path = urlsplit(self._simulated.url).path
        response.set_cookie(self._cookie, session, max_age=seconds, path=path, httponly=True, samesite="lax")

    def find(self, request: HttpRequest) -> RememberedSession | None:
        """The session of a browser."""
        return self._simulated.memory.find_session(request.cookies.get(self._cookie, ""))

    def end(self, request: HttpRequest, response: Response) -> None:
        """Ends the session and removes the cookie."""
        self._simulated.memory.end_session(request.cookies.get(self._cookie, ""))
        self.keep(response, "", seconds=0)
