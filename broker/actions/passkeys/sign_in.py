"""Sign-in with a passkey: what the page asks the browser, and what the browser answered."""

from dataclasses import dataclass

from broker.actions.browser import Browser
from broker.actions.results import LimitKind, RateLimited
from broker.actions.sign_in.context import ProviderRegistry, SignInContext, load_own_transaction
from broker.actions.sign_in.provider_login import handle_callback, read_state
from broker.actions.views import DeadEnd
from broker.journey.transaction import Transaction, TransactionState
from broker.model.failures import FailureClass
from broker.model.json_types import JsonObject
from broker.model.provider_policy import ProviderPolicy
from broker.model.service import Service
from broker.passkey_provider import PasskeyTerms, SignsInWithPasskeys
from broker.provider import ProviderInfo


@dataclass(frozen=True, slots=True)
class PasskeyProviderNow:
    """The configured provider of passkeys with its terms and the operator's policy."""

    card: ProviderInfo
    terms: PasskeyTerms
    policy: ProviderPolicy
    provider: SignsInWithPasskeys


@dataclass(frozen=True, slots=True)
class PasskeyPrompt:
    """What the page of a sign-in shows: `options` are those of `navigator.credentials.get`."""

    handle: str
    transaction: Transaction
    service: Service | None
    options: JsonObject


def passkey_provider(registry: ProviderRegistry) -> PasskeyProviderNow | None:
    """The configured provider whose sign-ins are done with passkeys; None if there is none."""
    for registered in registry.providers.values():
        provider = registered.provider
        if isinstance(provider, SignsInWithPasskeys) and provider.passkey_terms is not None:
            return PasskeyProviderNow(provider.card, provider.passkey_terms, registered.policy, provider)
    return None


async def prompt(context: SignInContext, state: str, browser: Browser) -> PasskeyPrompt | str | DeadEnd:
    """What a sign-in with this `state` asks. Returns the transaction's handle if it asks nothing (any more)."""
    handle, attempt_id = read_state(state) or ("", "")
    transaction = await load_own_transaction(context, handle, browser) if handle else DeadEnd(FailureClass.LOST_PLACE)
    if isinstance(transaction, DeadEnd):
        return transaction
    attempt = transaction.attempt
    if attempt is None or transaction.state is not TransactionState.AWAY or attempt.id != attempt_id:
        return handle
    known = passkey_provider(context.registry)
    if known is None or known.card.id != attempt.provider:
        return handle
    return PasskeyPrompt(
        handle, transaction, context.service(transaction), known.provider.passkey_options(attempt.note)
    )


async def answer(
    context: SignInContext, state: str, browser: Browser, *, code: str, cancelled: bool
) -> str | RateLimited | DeadEnd:
    """Processes the browser's answer as that of a provider. Returns the handle of the transaction to display."""
    rate = context.policy.limits.passkeys
    if not cancelled and not await context.stores.rate_limits.allow(
        f"passkey:{browser.address}", rate.most, rate.window
    ):
        return RateLimited(LimitKind.PASSKEYS, rate.ends(context.system.now()))
    provider = passkey_provider(context.registry)
    said = {"error": "access_denied"} if cancelled else {"code": code}
    name = "" if provider is None else provider.card.id
    return await handle_callback(context, name, {"state": state, **said}, browser, state)
