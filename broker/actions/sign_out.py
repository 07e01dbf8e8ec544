"""Logout: the broker's session ends (RP-Initiated Logout 1.0), and the provider's if the citizen wants that.

Signing out ends in a page of its own, `/signed-out/<handle>`. It lets services sign out in frames, offers to sign out
at the provider, and leads back to the service. Whatever the provider does, the citizen is signed out here by then, and
the browser asks that provider for a new sign-in the next time (`Browser.departed`).
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from broker.actions.browser import Browser, Departed
from broker.actions.farewell import farewell
from broker.actions.needs import Goodbyes, Sessions, Unavailable
from broker.actions.sign_in.desk import Registered
from broker.ambient import Ambient
from broker.jose import KeySet
from broker.model import handle as handles
from broker.model.audit import AuditEvent
from broker.model.goodbye import Goodbye
from broker.model.service import Service
from broker.model.session import Session
from broker.oidc.errors import Shown
from broker.oidc.logout import LogoutRequest, logout_request, logout_return, must_ask
from broker.oidc.logout_token import frontchannel_urls
from broker.provider import Card, EndsSessions, Parting

LIFE: Final = 1_800
"""Seconds for which the page after signing out can be looked at, and a citizen can come back from the provider."""


@dataclass(frozen=True, slots=True)
class Exit:
    """What signing out needs. `callback` is where a provider sends the citizen back to."""

    issuer: str
    callback: str
    keys: Callable[[], KeySet]
    services: Mapping[str, Service]
    providers: Mapping[str, Registered]
    sessions: Sessions
    goodbyes: Goodbyes
    ambient: Ambient


@dataclass(frozen=True, slots=True)
class Ask:
    """The citizen is asked first; agreeing posts the same parameters again. `locales` are those the service wishes."""

    service: Service | None
    locales: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignedOut:
    """There is no session now, and there was none, or nothing more to say. `back` is where the browser goes, if any.

    `secret` ties the page to the browser, if that had none; `departed` is what it remembers from now on.
    """

    service: Service | None
    back: str | None
    locales: tuple[str, ...] = ()
    handle: str | None = None
    secret: str | None = None
    departed: Departed | None = None


@dataclass(frozen=True, slots=True)
class Leaving:
    """What the page after signing out shows. `provider` proved the identity; `url` is where it ends its own session."""

    service: Service | None
    back: str | None
    frames: tuple[str, ...] = ()
    locales: tuple[str, ...] = ()
    provider: Card | None = None
    url: str | None = None
    returned: bool = False


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
    departed = (browser.departed or Departed()).signed_out(session.identity.provider, session.identity.auth_time)
    frames = () if ended is None else tuple(frontchannel_urls(ended, exit.services, exit.issuer))
    left = SignedOut(service, back, request.ui_locales, departed=departed)
    registered = exit.providers.get(session.identity.provider)
    if registered is None and not frames:
        return left
    return await _farewell(exit, left, session, registered, frames, browser)


async def _farewell(
    exit: Exit,
    left: SignedOut,
    session: Session,
    registered: Registered | None,
    frames: tuple[str, ...],
    browser: Browser,
) -> SignedOut:
    """Keeps what the page shows. Without passing state there is no page, and the citizen goes on at once."""
    handle, secret = handles.fresh(exit.ambient), None
    if not browser.secrets:
        secret = handles.fresh(exit.ambient)
    url = None
    if registered is not None and isinstance(registered.provider, EndsSessions):
        who = session.identity
        language = browser.language or next(iter(left.locales), "").partition("-")[0] or "en"
        parting = Parting(handle, exit.callback, language, who.subject, who.id_token)
        url = await registered.provider.end_session(parting)
    goodbye = Goodbye(
        browser=handles.digest(secret or browser.secrets[0]),
        client_id=None if left.service is None else left.service.client_id,
        back=left.back,
        frames=frames,
        locales=left.locales,
        provider=None if registered is None else registered.provider.card.id,
        url=url,
    )
    with contextlib.suppress(Unavailable):
        await exit.goodbyes.put(handle, goodbye, exit.ambient.now() + LIFE)
        return replace(left, handle=handle, secret=secret)
    return left


async def look_back(exit: Exit, handle: str, browser: Browser) -> Leaving | None:
    """What the page after signing out shows; None if it is not this browser's, or too long ago."""
    goodbye = await _mine(exit, handle, browser)
    if goodbye is None:
        return None
    service = exit.services.get(goodbye.client_id) if goodbye.client_id else None
    registered = exit.providers.get(goodbye.provider) if goodbye.provider else None
    back = goodbye.back
    if service is None or back is None or not _is_registered(back, service):
        back = None  # the service's addresses have changed since
    card = None if registered is None else registered.provider.card
    url = None if goodbye.returned else goodbye.url
    return Leaving(service, back, goodbye.frames, goodbye.locales, card, url, goodbye.returned)


async def may_come_back(exit: Exit, state: str, browser: Browser) -> bool:
    """Whether `come_back` would take the citizen in. Changes nothing."""
    goodbye = await _mine(exit, state, browser)
    return goodbye is not None and goodbye.url is not None


async def come_back(exit: Exit, state: str, browser: Browser) -> bool:
    """Takes in that a provider sent the citizen back. False for a state that this browser did not bring there."""
    goodbye = await _mine(exit, state, browser)
    if goodbye is None or goodbye.url is None:
        return False
    await exit.goodbyes.put(state, replace(goodbye, returned=True), exit.ambient.now() + LIFE)
    return True


async def _mine(exit: Exit, handle: str, browser: Browser) -> Goodbye | None:
    goodbye = await exit.goodbyes.get(handle) if handle else None
    return goodbye if goodbye is not None and browser.holds(goodbye.browser) else None


def _is_registered(back: str, service: Service) -> bool:
    """Whether a way back is still the service's: one of its addresses, with the state that was added to it."""
    return any(back == uri or back.startswith((f"{uri}?", f"{uri}&")) for uri in service.post_logout_redirect_uris)


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
