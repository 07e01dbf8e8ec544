"""Sign-ins that a provider begins (OpenID Connect Core 4): at the citizen's account, or at a registered service.

Nothing begins without the citizen: the page has a button, since any site can send a browser to this address. A service
is begun at its own `initiate_login_uri`, and no other address is ever visited.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from broker.actions.account.ways import begin
from broker.actions.browser import Browser
from broker.actions.results import RateLimited, StartedTransaction
from broker.actions.sign_in.context import SignInContext
from broker.actions.sign_in.provider_login import start_login
from broker.model.account import ErrandKind
from broker.oidc.third_party_login import initiate_login, target_service
from broker.provider import InitiatesLogin, ProviderInfo

PARAMETERS: Final = frozenset({"iss", "target_link_uri"})
"""The parameters that are read. `login_hint` is not: the broker knows no user names of a provider."""


@dataclass(frozen=True, slots=True)
class InitiatedLogin:
    """A sign-in that a provider begins. `url` begins one at a service; None: the sign-in to the account."""

    provider: ProviderInfo
    url: str | None = None


def read_initiation(context: SignInContext, provider: str, parameters: Mapping[str, str]) -> InitiatedLogin | None:
    """The sign-in that begins; None if the provider may not do that, is not that of `iss`, or names another target."""
    registered = context.registry.providers.get(provider)
    if registered is None or not isinstance(registered.provider, InitiatesLogin):
        return None
    issuer = registered.provider.initiating_issuer
    if issuer is None or parameters.get("iss") != issuer:
        return None
    target, card = parameters.get("target_link_uri"), registered.provider.card
    home = context.policy.account.home
    if target in (None, home, f"{home}/ways"):
        return InitiatedLogin(card)
    service = target_service(target, context.registry.services.values())
    if service is None:
        return None
    page = target if target == service.resumption.resume_uri else None
    return InitiatedLogin(card, initiate_login(service, context.policy.issuer, page))


async def begin_initiated(
    context: SignInContext, browser: Browser, language: str, provider: str
) -> StartedTransaction | RateLimited:
    """Starts the sign-in to the account, and the login at the provider if that is on offer: else the page of the
    transaction offers the others."""
    begun = await begin(context, browser, language, ErrandKind.ACCOUNT)
    if isinstance(begun, StartedTransaction):
        own = browser if begun.secret is None else replace(browser, secrets=(begun.secret, *browser.secrets))
        await start_login(context, begun.handle, own, provider)
    return begun
