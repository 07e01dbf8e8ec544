"""Logout: ends the broker's session (RP-Initiated Logout 1.0), and the provider's if the citizen wants that.

1. `log_out` ends the session and stores the back-channel logouts of the services.
2. `view_return` is the page `/signed-out/<handle>`: front-channel logout in frames, a link to sign out at the provider,
   the way back to the service.
3. `complete_return` processes the redirect back from the provider.

Whatever the provider does, the broker's session has ended, and the browser requests a new sign-in of that provider
next time (`Browser.departed`).
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from broker.actions.browser import Browser, SignedOutUser
from broker.actions.outbox.logout_tokens import logout_fan_out
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
"""Seconds for which the page after a sign-out works, and the provider may redirect back."""


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
    """The citizen must confirm first: by a POST of the same parameters. `locales` are those the service wishes."""

    service: Service | None
    locales: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignedOut:
    """The session ended, or there was none. `back` is the URL to return to, if there is one.

    `handle` names the page after the sign-out, if there is one. `secret` is a new secret for a browser without one;
    `departed` goes into its cookie. `changed`: the provider's session had changed before.
    """

    service: Service | None
    back: str | None
    locales: tuple[str, ...] = ()
    handle: str | None = None
    secret: str | None = None
    departed: SignedOutUser | None = None
    changed: bool = False


@dataclass(frozen=True, slots=True)
class LogoutSteps:
    """The page after a sign-out. `provider` proved the identity; `url` ends the provider's own session, which the
    provider may demand (`must_call`), and from where it may not send the citizen back (`may_not_return`).
    `changed`: the provider's session had changed before."""

    service: Service | None
    back: str | None
    frames: tuple[str, ...] = ()
    locales: tuple[str, ...] = ()
    provider: ProviderInfo | None = None
    url: str | None = None
    returned: bool = False
    must_call: bool = False
    may_not_return: bool = False
    changed: bool = False


async def log_out(
    context: LogoutContext, parameters: Mapping[str, str], browser: Browser, *, agreed: bool
) -> ConfirmLogout | SignedOut:
    """Ends the broker's session, at once if the service's ID token names it. Raises DisplayedError.

    Back-channel logouts of the session's services are stored in the transaction that ends it.
    """
    request, service, back = _checked(context, parameters)
    session = await _load_session(context, browser)
    if session is None:
        return SignedOut(service, back, request.ui_locales)
    if not agreed and must_ask(request, session.id):
        return ConfirmLogout(service, request.ui_locales)
    left = SignedOut(service, back, request.ui_locales)
    return await _end(context, left, session, _ended(context, request, session.account), browser)


async def end_changed(context: LogoutContext, provider: str, session_state: str, browser: Browser) -> SignedOut | None:
    """Ends the browser's session after its provider reported that the session there changed (Session Management 1.0,
    3.1). Returns None, and ends nothing, if the session began in another session of a provider."""
    session = await _load_session(context, browser)
    if session is None or session.identity.provider != provider or session.identity.session_state != session_state:
        return None
    now, why = context.system.now(), {"why": "session_changed"}
    event = AuditEvent("session_ended", now, "broker", provider=provider, account=session.account, details=why)
    return await _end(context, SignedOut(None, None, changed=True), session, event, browser)


async def _load_session(context: LogoutContext, browser: Browser) -> Session | None:
    return await context.stores.sessions.load(handles.sha256_hex(browser.session)) if browser.session else None


async def _end(
    context: LogoutContext, signed_out: SignedOut, session: Session, event: AuditEvent, browser: Browser
) -> SignedOut:
    """Ends the session, and stores the page after the sign-out."""
    fan_out = logout_fan_out(context.registry.services, context.system.now())
    ended = await context.stores.sessions.end(session.digest, event, fan_out)
    departed = (browser.departed or SignedOutUser()).signed_out(session.identity.provider, session.identity.auth_time)
    frames = () if ended is None else tuple(frontchannel_urls(ended, context.registry.services, context.issuer))
    left = replace(signed_out, departed=departed)
    registered = context.registry.providers.get(session.identity.provider)
    if registered is None and not frames:
        return left
    return await _store_page(context, left, session, registered, frames, browser)


async def _store_page(
    context: LogoutContext,
    signed_out: SignedOut,
    session: Session,
    registered: ConfiguredProvider | None,
    frames: tuple[str, ...],
    browser: Browser,
) -> SignedOut:
    """Stores the page after the sign-out. Without ephemeral state there is no page, and the citizen goes on at once."""
    handle, secret = handles.new_handle(context.system), None
    if not browser.secrets:
        secret = handles.new_handle(context.system)
    target = None
    if registered is not None and isinstance(registered.provider, EndsSessions):
        who = session.identity
        language = browser.language or next(iter(signed_out.locales), "").partition("-")[0] or "en"
        logout_redirect = LogoutRedirect(
            handle, context.callback, language, who.subject, who.id_token, who.access_token, who.grant
        )
        target = await registered.provider.end_session(logout_redirect)
    pending = PendingLogout(
        browser=handles.sha256_hex(secret or browser.secrets[0]),
        client_id=None if signed_out.service is None else signed_out.service.client_id,
        back=signed_out.back,
        frames=frames,
        locales=signed_out.locales,
        provider=None if registered is None else registered.provider.card.id,
        url=None if target is None else target.url,
        must_call=target is not None and target.must_call,
        may_not_return=target is not None and target.may_not_return,
        changed=signed_out.changed,
    )
    with contextlib.suppress(StoreUnavailable):
        await context.stores.pending_logouts.put(handle, pending, context.system.now() + PENDING_LIFETIME)
        return replace(signed_out, handle=handle, secret=secret)
    return signed_out


async def view_return(context: LogoutContext, handle: str, browser: Browser) -> LogoutSteps | None:
    """Returns the page after a sign-out; None if it is another browser's, or expired."""
    pending = await _load_own(context, handle, browser)
    if pending is None:
        return None
    service = context.registry.services.get(pending.client_id) if pending.client_id else None
    registered = context.registry.providers.get(pending.provider) if pending.provider else None
    back = pending.back
    if service is None or back is None or not _is_registered(back, service):
        back = None  # the service's addresses have changed since
    card = None if registered is None else registered.provider.card
    url = None if pending.returned else pending.url
    return LogoutSteps(
        service,
        back,
        pending.frames,
        pending.locales,
        card,
        url,
        pending.returned,
        must_call=pending.must_call,
        may_not_return=pending.may_not_return,
        changed=pending.changed,
    )


async def may_return(context: LogoutContext, state: str, browser: Browser) -> bool:
    """Returns whether `complete_return` would succeed. Changes nothing."""
    pending = await _load_own(context, state, browser)
    return pending is not None and pending.url is not None


async def complete_return(context: LogoutContext, state: str, browser: Browser) -> bool:
    """Records that the provider redirected back. Returns False for a `state` that is not of this browser."""
    pending = await _load_own(context, state, browser)
    if pending is None or pending.url is None:
        return False
    await context.stores.pending_logouts.put(
        state, replace(pending, returned=True), context.system.now() + PENDING_LIFETIME
    )
    return True


async def _load_own(context: LogoutContext, handle: str, browser: Browser) -> PendingLogout | None:
    pending = await context.stores.pending_logouts.get(handle) if handle else None
    return pending if pending is not None and browser.holds(pending.browser) else None


def _is_registered(back: str, service: Service) -> bool:
    """Returns whether the URL is still registered: one of the service's URIs, with the `state` added."""
    return any(back == uri or back.startswith((f"{uri}?", f"{uri}&")) for uri in service.logout.redirect_uris)


def check_logout(context: LogoutContext, parameters: Mapping[str, str]) -> str | None:
    """Returns the URL that a logout request would return to, or None. Ends nothing. Raises DisplayedError."""
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
