"""Logout: the broker's session ends (RP-Initiated Logout 1.0), and the provider's if the citizen wants that.

Signing out ends in a page of its own, `/signed-out/<handle>`. It lets services sign out in frames, offers to sign out
at the provider, and leads back to the service. Whatever the provider does, the citizen is signed out here by then, and
the browser asks that provider for a new sign-in the next time (`Browser.departed`).
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from broker.actions.browser import Browser, DepartedUser
from broker.actions.logout_fan_out import logout_fan_out
from broker.actions.ports import PendingLogouts, Sessions, StoreUnavailable
from broker.actions.sign_in.context import ConfiguredProvider, ProviderRegistry
from broker.crypto.jose import KeySet
from broker.model import handle as handles
from broker.model.audit import AuditEvent
from broker.model.service import Service
from broker.model.session import PendingLogout, Session
from broker.oidc.errors import DisplayedError
from broker.oidc.logout import LogoutRequest, logout_request, logout_return, must_ask
from broker.oidc.logout_token import frontchannel_urls
from broker.platform.system import System
from broker.provider import EndsSessions, LogoutRedirect, ProviderInfo

PENDING_LIFETIME: Final = 1_800
"""Seconds for which the page after signing out can be looked at, and a citizen can come back from the provider."""


@dataclass(frozen=True, slots=True)
class LogoutStores:
    """Sessions and their logout deliveries (database), and logouts that wait for the provider (ephemeral state)."""

    sessions: Sessions
    pending_logouts: PendingLogouts


@dataclass(frozen=True, slots=True)
class LogoutContext:
    """What a logout works with, built once. `callback` is the URL to which a provider returns the citizen."""

    issuer: str
    callback: str
    keys: Callable[[], KeySet]
    registry: ProviderRegistry
    stores: LogoutStores
    system: System


@dataclass(frozen=True, slots=True)
class ConfirmLogout:
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
    departed: DepartedUser | None = None


@dataclass(frozen=True, slots=True)
class LogoutSteps:
    """What the page after signing out shows. `provider` proved the identity; `url` is where it ends its own session."""

    service: Service | None
    back: str | None
    frames: tuple[str, ...] = ()
    locales: tuple[str, ...] = ()
    provider: ProviderInfo | None = None
    url: str | None = None
    returned: bool = False


async def log_out(
    context: LogoutContext, parameters: Mapping[str, str], browser: Browser, agreed: bool
) -> ConfirmLogout | SignedOut:
    """Ends the broker's session, at once where the service's ID token names it. Raises DisplayedError.

    Every service that took part is told: those with a back-channel by a delivery that is written with the end.
    """
    request, service, back = _checked(context, parameters)
    digest = handles.sha256_hex(browser.session) if browser.session else None
    session = await context.stores.sessions.load(digest) if digest else None
    if session is None or digest is None:
        return SignedOut(service, back, request.ui_locales)
    if not agreed and must_ask(request, session.id):
        return ConfirmLogout(service, request.ui_locales)
    told = logout_fan_out(context.registry.services, context.system.now())
    ended = await context.stores.sessions.end(digest, _ended(context, request, session.account), told)
    departed = (browser.departed or DepartedUser()).signed_out(session.identity.provider, session.identity.auth_time)
    frames = () if ended is None else tuple(frontchannel_urls(ended, context.registry.services, context.issuer))
    left = SignedOut(service, back, request.ui_locales, departed=departed)
    registered = context.registry.providers.get(session.identity.provider)
    if registered is None and not frames:
        return left
    return await _fan_out(context, left, session, registered, frames, browser)


async def _fan_out(
    context: LogoutContext,
    left: SignedOut,
    session: Session,
    registered: ConfiguredProvider | None,
    frames: tuple[str, ...],
    browser: Browser,
) -> SignedOut:
    """Keeps what the page shows. Without passing state there is no page, and the citizen goes on at once."""
    handle, secret = handles.new_handle(context.system), None
    if not browser.secrets:
        secret = handles.new_handle(context.system)
    url = None
    if registered is not None and isinstance(registered.provider, EndsSessions):
        who = session.identity
        language = browser.language or next(iter(left.locales), "").partition("-")[0] or "en"
        parting = LogoutRedirect(handle, context.callback, language, who.subject, who.id_token)
        url = await registered.provider.end_session(parting)
    goodbye = PendingLogout(
        browser=handles.sha256_hex(secret or browser.secrets[0]),
        client_id=None if left.service is None else left.service.client_id,
        back=left.back,
        frames=frames,
        locales=left.locales,
        provider=None if registered is None else registered.provider.card.id,
        url=url,
    )
    with contextlib.suppress(StoreUnavailable):
        await context.stores.pending_logouts.put(handle, goodbye, context.system.now() + PENDING_LIFETIME)
        return replace(left, handle=handle, secret=secret)
    return left


async def view_return(context: LogoutContext, handle: str, browser: Browser) -> LogoutSteps | None:
    """What the page after signing out shows; None if it is not this browser's, or too long ago."""
    goodbye = await _load_own(context, handle, browser)
    if goodbye is None:
        return None
    service = context.registry.services.get(goodbye.client_id) if goodbye.client_id else None
    registered = context.registry.providers.get(goodbye.provider) if goodbye.provider else None
    back = goodbye.back
    if service is None or back is None or not _is_registered(back, service):
        back = None  # the service's addresses have changed since
    card = None if registered is None else registered.provider.card
    url = None if goodbye.returned else goodbye.url
    return LogoutSteps(service, back, goodbye.frames, goodbye.locales, card, url, goodbye.returned)


async def may_return(context: LogoutContext, state: str, browser: Browser) -> bool:
    """Whether `come_back` would take the citizen in. Changes nothing."""
    goodbye = await _load_own(context, state, browser)
    return goodbye is not None and goodbye.url is not None


async def complete_return(context: LogoutContext, state: str, browser: Browser) -> bool:
    """Takes in that a provider sent the citizen back. False for a state that this browser did not bring there."""
    goodbye = await _load_own(context, state, browser)
    if goodbye is None or goodbye.url is None:
        return False
    await context.stores.pending_logouts.put(
        state, replace(goodbye, returned=True), context.system.now() + PENDING_LIFETIME
    )
    return True


async def _load_own(context: LogoutContext, handle: str, browser: Browser) -> PendingLogout | None:
    goodbye = await context.stores.pending_logouts.get(handle) if handle else None
    return goodbye if goodbye is not None and browser.holds(goodbye.browser) else None


def _is_registered(back: str, service: Service) -> bool:
    """Whether a way back is still the service's: one of its addresses, with the state that was added to it."""
    return any(back == uri or back.startswith((f"{uri}?", f"{uri}&")) for uri in service.post_logout_redirect_uris)


def check_logout(context: LogoutContext, parameters: Mapping[str, str]) -> str | None:
    """Where a logout request would lead the browser back to, None if nowhere. Ends nothing. Raises DisplayedError."""
    return _checked(context, parameters)[2]


def _checked(context: LogoutContext, parameters: Mapping[str, str]) -> tuple[LogoutRequest, Service | None, str | None]:
    request = logout_request(parameters, context.issuer, context.keys())
    service = context.registry.services.get(request.client_id) if request.client_id else None
    if request.client_id is not None and service is None:
        raise DisplayedError("invalid_request", "this service is not known here")
    return request, service, logout_return(request, service)


def _ended(context: LogoutContext, request: LogoutRequest, account: str) -> AuditEvent:
    return AuditEvent(
        kind="session_ended",
        at=context.system.now(),
        actor="citizen",
        client_id=request.client_id,
        account=account,
    )
