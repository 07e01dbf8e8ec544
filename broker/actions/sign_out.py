"""Leaving: the broker's session ends (OpenID Connect RP-Initiated Logout 1.0)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from broker.actions.browser import Browser
from broker.actions.farewell import farewell
from broker.actions.needs import Sessions
from broker.ambient import Ambient
from broker.jose import KeySet
from broker.model import handle as handles
from broker.model.audit import AuditEvent
from broker.model.service import Service
from broker.oidc.errors import Shown
from broker.oidc.logout import LogoutRequest, logout_request, logout_return, must_ask
from broker.oidc.logout_token import frontchannel_urls


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
    """The citizen is asked first; agreeing posts the same parameters again. `locales` are those the service wishes."""

    service: Service | None
    locales: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignedOut:
    """There is no session now. `back` is where the browser goes, None where nobody asked to have it back.

    `frames` are the pages of services that sign out their own sessions (Front-Channel Logout 1.0).
    """

    service: Service | None
    back: str | None
    locales: tuple[str, ...] = ()
    frames: Sequence[str] = ()


async def sign_out(exit: Exit, parameters: Mapping[str, str], browser: Browser, agreed: bool) -> Ask | SignedOut:
    """Ends the broker's session, at once where the service's ID token names it. Raises Shown.

    Every service that took part is told: those with a back-channel by a delivery that is written with the end.
    """
    request, service, back = _checked(exit, parameters)
    digest = handles.digest(browser.session) if browser.session else None
    session = await exit.sessions.load(digest) if digest else None
    if session is None or digest is None:
        return SignedOut(service, back, request.ui_locales)
    if not agreed and must_ask(request, session.id):
        return Ask(service, request.ui_locales)
    told = farewell(exit.services, exit.ambient.now())
    ended = await exit.sessions.end(digest, _ended(exit, request, session.account), told)
    frames = () if ended is None else frontchannel_urls(ended, exit.services, exit.issuer)
    return SignedOut(service, back, request.ui_locales, frames)


def check_sign_out(exit: Exit, parameters: Mapping[str, str]) -> str | None:
    """Where a logout request would lead the browser back to, None if nowhere. Ends nothing. Raises Shown."""
    return _checked(exit, parameters)[2]


def _checked(exit: Exit, parameters: Mapping[str, str]) -> tuple[LogoutRequest, Service | None, str | None]:
    request = logout_request(parameters, exit.issuer, exit.keys())
    service = exit.services.get(request.client_id) if request.client_id else None
    if request.client_id is not None and service is None:
        raise Shown("invalid_request", "this service is not known here")
    return request, service, logout_return(request, service)


def _ended(exit: Exit, request: LogoutRequest, account: str) -> AuditEvent:
    return AuditEvent(
        kind="session_ended",
        at=exit.ambient.now(),
        actor="citizen",
        client_id=request.client_id,
        account=account,
    )
