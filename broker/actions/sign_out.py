"""Leaving: the broker's session ends (OpenID Connect RP-Initiated Logout 1.0)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from broker.actions.browser import Browser
from broker.actions.needs import Sessions
from broker.ambient import Ambient
from broker.jose import KeySet
from broker.model import handle as handles
from broker.model.audit import AuditEvent
from broker.model.service import Service
from broker.oidc.errors import Shown
from broker.oidc.logout import LogoutRequest, logout_request, logout_return, must_ask


@dataclass(frozen=True, slots=True)
class Exit:
    """What signing out needs."""

    issuer: str
    keys: Callable[[], KeySet]
    services: Mapping[str, Service]
    sessions: Sessions
    ambient: Ambient


@dataclass(frozen=True, slots=True)
class Ask:
    """The citizen is asked first; agreeing posts the same parameters again."""

    service: Service | None


@dataclass(frozen=True, slots=True)
class SignedOut:
    """There is no session now. `back` is where the browser goes, None where nobody asked to have it back."""

    service: Service | None
    back: str | None


async def sign_out(exit: Exit, parameters: Mapping[str, str], browser: Browser, agreed: bool) -> Ask | SignedOut:
    """Ends the broker's session, at once where the service's ID token names it. Raises Shown."""
    request = logout_request(parameters, exit.issuer, exit.keys())
    service = exit.services.get(request.client_id) if request.client_id else None
    if request.client_id is not None and service is None:
        raise Shown("invalid_request", "this service is not known here")
    back = logout_return(request, service)
    digest = handles.digest(browser.session) if browser.session else None
    session = await exit.sessions.load(digest) if digest else None
    if session is None or digest is None:
        return SignedOut(service, back)
    if not agreed and must_ask(request, session.id):
        return Ask(service)
    await exit.sessions.end(digest, _ended(exit, request, session.account))
    return SignedOut(service, back)


def _ended(exit: Exit, request: LogoutRequest, account: str) -> AuditEvent:
    return AuditEvent(
        kind="session_ended",
        at=exit.ambient.now(),
        actor="citizen",
        client_id=request.client_id,
        account=account,
    )
