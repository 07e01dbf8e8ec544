"""Session management at a simulated provider: `session_state`, and the page that a client's script asks in a frame.

OpenID Connect Session Management 1.0, 2 and 3. As in the conformance suite the page's script asks the provider itself,
so that a test can say what the answers are.
"""

import hashlib
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from broker.platform.system import System
from providers.simulator.requests import parameters
from providers.simulator.responses import NO_STORE, read_form

ANSWERS: Final = ("unchanged", "changed", "error")

_SCRIPT: Final = """
addEventListener("message", async (event) => {
  const asked = new URLSearchParams({ message: event.data, origin: event.origin });
  const answer = await (await fetch("?" + asked)).text();
  event.source.postMessage(answer, event.origin);
});
"""


class SessionManagement:
    """The sessions of one provider: one browser, whose state changes with each logout."""

    def __init__(self, system: System) -> None:
        """Begins with no citizen signed in."""
        self._system = system
        self._browser_state = ""
        self._scripted = ""
        self.asked: list[str] = []

    def begin(self, client_id: str, redirect_uri: str) -> str:
        """The `session_state` of a sign-in. It ends what a test said about answers."""
        self._scripted = ""
        self._browser_state = self._browser_state or self._system.random_bytes(16).hex()
        parts = urlsplit(redirect_uri)
        return self._state(client_id, f"{parts.scheme}://{parts.netloc}", self._system.random_bytes(8).hex())

    def end(self) -> None:
        """A logout: what was said before is `changed` from now on."""
        self._browser_state = ""

    async def frame(self, request: Request) -> Response:
        """The page; with a `message` the answer to it."""
        query = parameters(request.scope["query_string"].decode("latin-1"))
        if "message" in query:
            self.asked.append(query["message"])
            return PlainTextResponse(self._answer(query["message"], query.get("origin", "")), headers=NO_STORE)
        return HTMLResponse(f"<!DOCTYPE html><title>Session</title><script>{_SCRIPT}</script>", headers=NO_STORE)

    async def script(self, request: Request) -> Response:
        """Sets the answer of the page until the next sign-in: `answer=changed`."""
        answer = (await read_form(request)).get("answer", "")
        if answer not in ANSWERS:
            return PlainTextResponse(f"answer: one of {', '.join(ANSWERS)}", 400)
        self._scripted = answer
        return PlainTextResponse(answer)

    def _answer(self, message: str, origin: str) -> str:
        client_id, _, state = message.partition(" ")
        _, _, salt = state.partition(".")
        if not salt:
            return "error"
        now = self._state(client_id, origin, salt) if self._browser_state else ""
        return self._scripted or ("unchanged" if state == now else "changed")

    def _state(self, client_id: str, origin: str, salt: str) -> str:
        text = " ".join((client_id, origin, self._browser_state, salt))
        return f"{hashlib.sha256(text.encode()).hexdigest()}.{salt}"
