"""Data of an account: all that is held is shown after a fresh sign-in, and erased when the citizen leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from broker.actions.account.activity import SeenActivity, view_activity
from broker.actions.account.own import (
    HOME,
    OwnAccount,
    OwnContext,
    OwnRefusal,
    open_account,
    open_for_change,
    own_event,
)
from broker.actions.account.services import OwnService, view_services
from broker.actions.account.sessions import SeenSession, view_sessions
from broker.actions.browser import Browser, SignedOutUser
from broker.actions.outbox.logout_tokens import logout_fan_out
from broker.model.account import AccountErasure, AccountRecord
from broker.model.outbound_delivery import OutboundDelivery
from broker.model.passkey import KeptWithPasskeys
from broker.model.security_event import Happened, HappenedKind, InitiatingEntity
from broker.oidc.security_events import security_events
from broker.provider import ProviderInfo

PATH: Final = f"{HOME}/data"


@dataclass(frozen=True, slots=True)
class HeldData:
    """All that is held of an account. `cards` are the providers of its ways as configured now, by id."""

    record: AccountRecord
    services: tuple[OwnService, ...]
    sessions: tuple[SeenSession, ...]
    activity: tuple[SeenActivity, ...]
    kept: Sequence[KeptWithPasskeys]
    cards: Mapping[str, ProviderInfo]


@dataclass(frozen=True, slots=True)
class DataView:
    """What is held of the account; nothing is read unless it was proved recently."""

    own: OwnAccount
    held: HeldData | None = None


async def view_data(context: OwnContext, browser: Browser) -> DataView | None:
    """Returns what is held of the browser's account, or None if the browser is not signed in."""
    own = await open_account(context.sign_in, browser)
    if own is None or not own.fresh:
        return None if own is None else DataView(own)
    record = await context.data.read(own.id, context.sign_in.system.now())
    services, sessions = await view_services(context, browser), await view_sessions(context, browser)
    activity = await view_activity(context, browser)
    if record is None or services is None or sessions is None or activity is None:
        return None  # signed out, or gone, since it was opened
    named = {way.provider: context.sign_in.card(way.provider) for way in own.ways if way.provider is not None}
    return DataView(
        own,
        HeldData(
            record,
            services.services,
            sessions.sessions,
            activity.listed,
            await context.kept.of_account(own.id),
            {provider: card for provider, card in named.items() if card is not None},
        ),
    )


async def leave(context: OwnContext, browser: Browser) -> OwnRefusal | SignedOutUser:
    """Erases the account, after a fresh sign-in: every session, code, token, grant, agreement, way and passkey.

    Services that know the citizen learn of it. Signing in again opens another account, with other subjects. Returns
    what this browser remembers of its own sign-out.
    """
    own = await open_for_change(context.sign_in, browser)
    if isinstance(own, OwnRefusal):
        return own
    event, services = own_event(context.sign_in, own, "account_erased"), context.sign_in.registry.services

    def purged(subjects: Mapping[str, str]) -> Sequence[OutboundDelivery]:
        known = {one.client_id: subjects[one.sector] for one in services.values() if one.sector in subjects}
        happened = Happened(
            kind=HappenedKind.ACCOUNT_ERASED,
            account=own.id,
            fact=own.id,
            at=event.at,
            by=InitiatingEntity.USER,
            subjects=known,
        )
        return security_events(happened, services)

    write = AccountErasure(
        own.id, event, own_event(context.sign_in, own, "session_ended"), logout_fan_out(services, event.at), purged
    )
    if not await context.data.erase(write):
        return OwnRefusal.NOTHING
    proof = own.session.identity
    return (browser.departed or SignedOutUser()).signed_out(proof.provider, proof.auth_time)
