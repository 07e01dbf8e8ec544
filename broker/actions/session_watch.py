"""Session watch: what the page needs that asks a provider's frame whether the session there changed.

OpenID Connect Session Management 1.0, 3. `broker.actions.logout.end_changed` ends the session then.
"""

from dataclasses import dataclass

from broker.actions.browser import Browser
from broker.actions.sign_in.consent import live_session
from broker.actions.sign_in.context import SignInContext
from broker.provider import ProviderInfo, SessionFrame, WatchesSessions


@dataclass(frozen=True, slots=True)
class SessionWatch:
    """The page of one provider. `signed_in`: the browser's session began there. Without a `session_state` or a `frame`
    there is nothing to ask."""

    provider: ProviderInfo
    signed_in: bool = False
    session_state: str | None = None
    frame: SessionFrame | None = None


def watching(context: SignInContext, provider: str | None) -> WatchesSessions | None:
    """Returns the provider if its settings want the page."""
    registered = context.registry.providers.get(provider or "")
    if registered is None or not isinstance(registered.provider, WatchesSessions):
        return None
    return registered.provider if registered.provider.watches_sessions else None


async def watch_session(context: SignInContext, provider: str, browser: Browser) -> SessionWatch | None:
    """Returns the page; None if the settings of the provider do not want it."""
    found = watching(context, provider)
    if found is None:
        return None
    card = context.registry.providers[provider].provider.card
    session = await live_session(context, browser)
    if session is None or session.identity.provider != provider:
        return SessionWatch(card)
    state = session.identity.session_state
    frame = None if state is None else await found.session_frame()
    return SessionWatch(card, signed_in=True, session_state=state, frame=frame)
