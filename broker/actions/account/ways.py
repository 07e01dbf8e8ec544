"""The ways of an account: listed, linked by an errand, unlinked after a fresh proof of the account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from broker.account.links import LinkRefusal, is_last, refuse_change, strongest
from broker.actions.account.errand import unlinked_session
from broker.actions.account.own import HOME, open_account
from broker.actions.browser import Browser
from broker.actions.outbox.logout_tokens import logout_fan_out
from broker.actions.passkeys.sign_in import passkey_provider
from broker.actions.results import RateLimited, StartedTransaction
from broker.actions.session_watch import watching
from broker.actions.sign_in.authorize import new_transaction, start_transaction
from broker.actions.sign_in.consent import live_session
from broker.actions.sign_in.context import AccountPolicy, SignInContext
from broker.journey.provider_offer import LEFT_SHOWN
from broker.journey.transaction import AskedAgain
from broker.model.account import ACCOUNT_SERVICE, Disclosure, Errand, ErrandKind, LinkedWay, UnlinkResult
from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.model.provider_policy import ProviderPolicy
from broker.model.request import AuthorizationRequest
from broker.model.service import Service, ServicePresentation
from broker.model.session import Session
from broker.provider import ProviderInfo

PATH = f"{HOME}/ways"
"""Path of the page of the ways, at the broker's origin."""

PAGES: Final = frozenset({"/ways", "/kept", "/services", "/sessions", "/activity", "/wrong", "/data", "/developers"})
"""The pages of the account to which a sign-in may lead, beside the first one: their paths after HOME."""

LINK_LIFETIME = 1_800
"""Seconds within which a second way must be proved and linked."""


def account_policy(
    issuer: str, name: Mapping[str, str], fresh_for: int, reminders: tuple[int, ...] = ()
) -> AccountPolicy:
    """Returns the policy of the account's pages; `name` is the broker's, by language.

    The service that stands for them is in no registry: services cannot name it, and it has a sector that none can have.
    """
    home = f"{issuer}{HOME}"
    service = Service(
        client_id=ACCOUNT_SERVICE,
        presentation=ServicePresentation(names=name, home=home),
        redirect_uris=(home,),
        registered_sector="account pages",
        single_sign_on=False,
        assisted=False,
    )
    return AccountPolicy(service, home, fresh_for, reminders)


@dataclass(frozen=True, slots=True)
class OwnWay:
    """One way of the account, with its provider as configured now; None if that is not known or not configured.

    `watched`: the provider can be asked whether its session, in which the citizen signed in here, has changed.
    """

    way: LinkedWay
    card: ProviderInfo | None
    policy: ProviderPolicy | None
    current: bool
    last: bool
    watched: bool = False


@dataclass(frozen=True, slots=True)
class ServiceDisclosures:
    """What one service received. `service` is None if it is not registered any more."""

    client_id: str
    service: Service | None
    claims: tuple[Disclosure, ...]


@dataclass(frozen=True, slots=True)
class AccountView:
    """The account of the browser's session. `refusal` is why its ways cannot be changed now without a new sign-in.

    `fresh_for` is for how many seconds a sign-in permits changes. `passkeys` says that they are a way here.
    """

    ways: tuple[OwnWay, ...]
    disclosures: tuple[ServiceDisclosures, ...]
    refusal: LinkRefusal | None
    fresh_for: int
    passkeys: bool = False

    def way(self, key: str) -> OwnWay | None:
        """Returns the way with this key."""
        return next((own for own in self.ways if own.way.key == key), None)


async def view_account(context: SignInContext, browser: Browser) -> AccountView | None:
    """Returns the account of the browser's session, or None if the browser is not signed in."""
    own = await open_account(context, browser)
    if own is None:
        return None
    told = await context.stores.links.disclosures(own.id)
    return AccountView(
        _own_ways(context, own.session, own.ways),
        _by_service(context, told),
        own.refusal,
        own.fresh_for,
        passkey_provider(context.registry) is not None,
    )


@dataclass(frozen=True, slots=True)
class EndedWay:
    """A provider that services do not take any more: since when, and until when citizens may move (None: no more)."""

    card: ProviderInfo
    since: float
    moving: float | None


def ended_ways(context: SignInContext) -> Sequence[EndedWay]:
    """Returns the providers that left and that citizens may still look for, the latest first."""
    now, found = context.system.now(), []
    for registered in context.registry.providers.values():
        policy = registered.policy
        since = policy.accept_sign_in_until
        moving = policy.accept_moving_until if policy.permits_moving(now) else None
        shown = max(since or 0.0, policy.accept_moving_until or 0.0) + LEFT_SHOWN
        if since is not None and policy.has_left(now) and not policy.staff_only and now < shown:
            found.append(EndedWay(registered.provider.card, since, moving))
    return sorted(found, key=lambda one: -one.since)


async def begin(
    context: SignInContext,
    browser: Browser,
    language: str,
    kind: ErrandKind,
    replaced: str | None = None,
    page: str = "",
) -> StartedTransaction | RateLimited:
    """Starts an errand: a sign-in to the account, or the proof of a second way, which `replaced` may give way to.

    A link or a renewal whose first proof is too old or too weak begins with the sign-in. `replaced` is the key of the
    kept identity that is renewed. `page` is that of the account to which the sign-in leads, one of PAGES.
    """
    session = await live_session(context, browser)
    errand, level = Errand(ErrandKind.ACCOUNT, page=page if page in PAGES else ""), Level.LOW
    leads_to = errand.page
    if session is not None:
        ways = await context.stores.links.ways(session.account)
        refusal = _refusal(context, session, ways)
        if kind in (ErrandKind.LINK, ErrandKind.RENEW) and refusal is None:
            known = replaced in [way.key for way in ways]
            errand = Errand(kind, session.account, replaced if known else None, leads_to)
            kept = next((way for way in ways if kind is ErrandKind.RENEW and way.key == replaced), None)
            level = level if kept is None or kept.level is None else kept.level
        elif refusal is LinkRefusal.TOO_WEAK:
            level = strongest(ways)
    if kind is ErrandKind.REBIND:
        errand, level = Errand(kind, page=leads_to), Level.SUBSTANTIAL
    service = context.policy.account.service
    prompt = () if session is None else ("login",)
    request = AuthorizationRequest(ACCOUNT_SERVICE, "", (), level, prompt=prompt, errand=errand)
    transaction, secret = new_transaction(context, request, browser, language)
    if errand.kind is ErrandKind.ACCOUNT and session is not None:
        transaction = replace(transaction, again=AskedAgain.CHANGE)
    if errand.kind is not ErrandKind.ACCOUNT:
        now = context.system.now()
        transaction = replace(transaction, chosen=now, expires=now + LINK_LIFETIME)
    return await start_transaction(context, transaction, service, browser, secret)


async def unlink(context: SignInContext, browser: Browser, key: str, *, last: bool) -> UnlinkResult | LinkRefusal:
    """Unlinks a way of the session's account; with `last` also the only one. Sessions that it proved end."""
    session = await live_session(context, browser)
    if session is None:
        return LinkRefusal.SIGNED_OUT
    ways, now = await context.stores.links.ways(session.account), context.system.now()
    refusal = _refusal(context, session, ways)
    if refusal is not None:
        return refusal
    provider = next((way.provider for way in ways if way.key == key), None)
    event = AuditEvent("identity_unlinked", now, "citizen", provider=provider, account=session.account)
    fan_out = logout_fan_out(context.registry.services, now)
    return await context.stores.links.unlink(session.account, key, event, unlinked_session(now), fan_out, last=last)


def _refusal(context: SignInContext, session: Session, ways: Sequence[LinkedWay]) -> LinkRefusal | None:
    return refuse_change(session.identity, ways, context.system.now(), context.policy.account.fresh_for)


def _own_ways(context: SignInContext, session: Session, ways: Sequence[LinkedWay]) -> tuple[OwnWay, ...]:
    mine = context.stores.links.key(session.identity.issuer, session.identity.subject)
    found = []
    for way in ways:
        registered = context.registry.providers.get(way.provider or "")
        card, policy = (None, None) if registered is None else (registered.provider.card, registered.policy)
        current = way.key == mine
        watched = current and session.identity.session_state is not None and watching(context, way.provider) is not None
        found.append(OwnWay(way, card, policy, current, is_last(ways, way.key), watched))
    return tuple(found)


def _by_service(context: SignInContext, told: Sequence[Disclosure]) -> tuple[ServiceDisclosures, ...]:
    """Groups what was received by service, the latest first."""
    groups: dict[str, list[Disclosure]] = {}
    for one in told:
        groups.setdefault(one.client_id, []).append(one)
    services: Mapping[str, Service] = context.registry.services
    listed = [ServiceDisclosures(client, services.get(client), tuple(claims)) for client, claims in groups.items()]
    return tuple(sorted(listed, key=lambda one: -max(claim.last for claim in one.claims)))
