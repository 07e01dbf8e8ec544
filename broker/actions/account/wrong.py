"""Something is wrong: "this was not me" ends everything at once; ways are turned off, and on after a fresh proof."""

from dataclasses import dataclass
from typing import Final

from broker.account.links import may_stop
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
from broker.model.account import AccountStop, LinkedWay, WayStop
from broker.model.security_event import Happened, HappenedKind, InitiatingEntity
from broker.oidc.security_events import security_events
from broker.provider import ProviderInfo

PATH: Final = f"{HOME}/wrong"


@dataclass(frozen=True, slots=True)
class SeenWay:
    """A way of the account, its provider as configured now, and whether it can be stopped."""

    way: LinkedWay
    card: ProviderInfo | None
    stoppable: bool


@dataclass(frozen=True, slots=True)
class WrongView:
    """The ways of the account, of which one may have been used by another person."""

    own: OwnAccount
    ways: tuple[SeenWay, ...]


async def view_wrong(context: OwnContext, browser: Browser) -> WrongView | None:
    """Returns the ways of the browser's account, or None if the browser is not signed in."""
    own = await open_account(context.sign_in, browser)
    if own is None:
        return None
    card = context.sign_in.card
    return WrongView(
        own, tuple(SeenWay(way, card(way.provider or ""), may_stop(own.ways, way.key)) for way in own.ways)
    )


async def disown(context: OwnContext, browser: Browser, key: str) -> OwnRefusal | SignedOutUser:
    """Ends every session, code, token and grant of the account, and stops a way if it can be stopped.

    It needs no fresh sign-in: it gives nothing away, and must not wait. Services that know the citizen get a security
    event. Returns what this browser remembers of its own sign-out.
    """
    own = await open_account(context.sign_in, browser)
    if own is None:
        return OwnRefusal.SIGNED_OUT
    event, services = own_event(context.sign_in, own, "account_disowned"), context.sign_in.registry.services
    happened = Happened(
        kind=HappenedKind.DISOWNED,
        account=own.id,
        fact=f"{own.id}:{event.at!r}",
        at=event.at,
        by=InitiatingEntity.USER,
    )
    write = AccountStop(
        own.id,
        key if may_stop(own.ways, key) else None,
        event,
        own_event(context.sign_in, own, "session_ended"),
        logout_fan_out(services, event.at),
        tuple(security_events(happened, services)),
    )
    if not await context.stops.stop(write):
        return OwnRefusal.NOTHING
    proof = own.session.identity
    return (browser.departed or SignedOutUser()).signed_out(proof.provider, proof.auth_time)


async def stop_way(context: OwnContext, browser: Browser, key: str) -> OwnRefusal | None:
    """Turns a way off in advance, after a fresh sign-in: it opens nothing here until another one turns it on again.

    Sessions that it proved end, also that of this browser.
    """
    own = await open_for_change(context.sign_in, browser)
    if isinstance(own, OwnRefusal):
        return own
    if not may_stop(own.ways, key):
        return OwnRefusal.NOTHING
    event, ended = (own_event(context.sign_in, own, kind) for kind in ("way_turned_off", "session_ended"))
    fan_out = logout_fan_out(context.sign_in.registry.services, event.at)
    stopped = await context.stops.stop_way(WayStop(own.id, key, event, ended, fan_out))
    return None if stopped else OwnRefusal.NOTHING


async def resume_way(context: OwnContext, browser: Browser, key: str) -> OwnRefusal | None:
    """Turns a stopped way on again, after a fresh sign-in by another one."""
    own = await open_for_change(context.sign_in, browser)
    if isinstance(own, OwnRefusal):
        return own
    resumed = await context.stops.resume(own.id, key, own_event(context.sign_in, own, "way_resumed"))
    return None if resumed else OwnRefusal.NOTHING
