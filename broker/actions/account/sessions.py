"""Sessions of an account: listed, and ended one by one or all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from broker.actions.account.own import (
    HOME,
    OwnAccount,
    OwnContext,
    OwnRefusal,
    open_account,
    open_for_change,
    own_event,
)
from broker.actions.browser import Browser, SignedOutUser
from broker.actions.outbox.logout_tokens import logout_fan_out
from broker.model.account import OwnSession
from broker.model.service import Service
from broker.provider import ProviderInfo

PATH: Final = f"{HOME}/sessions"


@dataclass(frozen=True, slots=True)
class SeenSession:
    """One session, with the provider that proved it and its services as configured now; None if they are not."""

    session: OwnSession
    card: ProviderInfo | None
    services: tuple[tuple[str, Service | None], ...]


@dataclass(frozen=True, slots=True)
class SessionsView:
    """The live sessions of the account; that of the browser is `own.session`."""

    own: OwnAccount
    sessions: tuple[SeenSession, ...]


async def view_sessions(context: OwnContext, browser: Browser) -> SessionsView | None:
    """Returns the sessions of the browser's account, or None if the browser is not signed in."""
    own = await open_account(context.sign_in, browser)
    if own is None:
        return None
    services, card = context.sign_in.registry.services, context.sign_in.card
    return SessionsView(
        own,
        tuple(
            SeenSession(one, card(one.provider or ""), tuple((client, services.get(client)) for client in one.services))
            for one in await _live(context, own)
        ),
    )


async def end_sessions(
    context: OwnContext, browser: Browser, digest: str | None, *, here: bool
) -> OwnRefusal | SignedOutUser | None:
    """Ends one session of the account, or all with None; that of this browser only with `here`.

    The services of an ended session get logout tokens and security events, as at a sign-out. Returns what this
    browser remembers of its own sign-out, None if it stays signed in.
    """
    own = await open_for_change(context.sign_in, browser)
    if isinstance(own, OwnRefusal):
        return own
    mine = [one.digest for one in await _live(context, own) if digest in (None, one.digest)]
    ending = [one for one in mine if here or one != own.session.digest]
    event = own_event(context.sign_in, own, "session_ended")
    fan_out = logout_fan_out(context.sign_in.registry.services, event.at)
    if not await context.sessions.end(own.id, ending, event, fan_out):
        return OwnRefusal.NOTHING
    proof = own.session.identity
    return (browser.departed or SignedOutUser()).signed_out(proof.provider, proof.auth_time) if here else None


async def _live(context: OwnContext, own: OwnAccount) -> Sequence[OwnSession]:
    """The sessions that have not expired by the clock."""
    now, idle = context.sign_in.system.now(), context.sign_in.policy.limits.sessions.idle
    return [one for one in await context.sessions.of_account(own.id) if now < min(one.expires, one.used + idle)]
