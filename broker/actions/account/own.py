"""The account of a browser's session, as its pages need it: signed in, and proved recently enough for a change."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from broker.account.links import LinkRefusal, refuse_change
from broker.actions.account.ports import AccountData, AccountStops, Agreements, OwnActivity, OwnSessions
from broker.actions.browser import Browser
from broker.actions.passkeys.ports import KeptIdentities
from broker.actions.passkeys.sign_in import passkey_provider
from broker.actions.sign_in.consent import live_session
from broker.actions.sign_in.context import SignInContext
from broker.model.account import LinkedWay
from broker.model.audit import AuditEvent
from broker.model.session import Session
from broker.provider import ProviderInfo

HOME: Final = "/account"
"""Path of the first page of the account, at the broker's origin."""


@dataclass(frozen=True, slots=True)
class OwnContext:
    """What the pages of a citizen's account work with, built once."""

    sign_in: SignInContext
    agreements: Agreements
    sessions: OwnSessions
    activity: OwnActivity
    stops: AccountStops
    data: AccountData
    kept: KeptIdentities


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """The account of a browser's session. `refusal` is why nothing may be changed now without a new sign-in, and
    `fresh_for` for how many seconds a sign-in permits it."""

    session: Session
    ways: Sequence[LinkedWay]
    refusal: LinkRefusal | None
    fresh_for: int

    @property
    def id(self) -> str:
        """The id of the account."""
        return self.session.account

    @property
    def fresh(self) -> bool:
        """Whether the account was proved recently, and strongly enough."""
        return self.refusal is None


class OwnRefusal(StrEnum):
    """Why nothing was changed."""

    SIGNED_OUT = "signed_out"
    NOT_FRESH = "not_fresh"
    """A new sign-in is needed first."""
    NOTHING = "nothing"
    """There is nothing of this account to change: it was changed before, or never was its own."""


async def open_account(context: SignInContext, browser: Browser) -> OwnAccount | None:
    """Returns the account of the browser's session, or None if the browser is not signed in."""
    session = await live_session(context, browser)
    if session is None:
        return None
    ways, fresh_for = await context.stores.links.ways(session.account), context.policy.account.fresh_for
    refusal = refuse_change(session.identity, ways, context.system.now(), fresh_for)
    return OwnAccount(session, ways, refusal, fresh_for)


@dataclass(frozen=True, slots=True)
class HomeView:
    """The first page of the account: the provider of the session, None if it is not configured any more, and whether
    passkeys are a way here."""

    own: OwnAccount
    card: ProviderInfo | None
    passkeys: bool


async def view_home(context: SignInContext, browser: Browser) -> HomeView | None:
    """Returns the first page of the browser's account, or None if the browser is not signed in."""
    own = await open_account(context, browser)
    if own is None:
        return None
    passkeys = passkey_provider(context.registry) is not None
    return HomeView(own, context.card(own.session.identity.provider), passkeys)


async def open_for_change(context: SignInContext, browser: Browser) -> OwnAccount | OwnRefusal:
    """Returns the account if it may be changed now, else why not."""
    own = await open_account(context, browser)
    if own is None:
        return OwnRefusal.SIGNED_OUT
    return own if own.fresh else OwnRefusal.NOT_FRESH


def own_event(context: SignInContext, own: OwnAccount, kind: str, client_id: str | None = None) -> AuditEvent:
    """Returns the audit event of a change that the citizen made on a page of the account."""
    return AuditEvent(kind, context.system.now(), "citizen", client_id=client_id, account=own.id)
