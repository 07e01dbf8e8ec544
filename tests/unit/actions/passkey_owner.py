"""A citizen who makes passkeys on the page of what is kept, and signs in with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from broker.actions.browser import Browser
from broker.actions.passkeys import kept, sign_in
from broker.actions.passkeys.kept import KeptContext, KeptRefusal, KeptView, MadePasskey, NewRegistration
from broker.actions.passkeys.sign_in import PasskeyPrompt
from broker.actions.sign_in.context import ConfiguredProvider
from broker.actions.sign_in.provider_login import upstream_state
from broker.actions.views import FailureView
from broker.model.assurance import Level
from broker.model.failures import FailureClass
from broker.model.passkey import KeptWithPasskeys
from broker.model.provider_policy import ProviderPolicy
from broker.platform.http_client import HttpClients
from broker.provider import ProviderInfo
from providers import ProviderDependencies
from providers.kind import BrokerSite
from providers.passkey import PasskeyConfig, build
from tests.support.authenticator import Authenticator
from tests.unit.actions.assisted.case_harness import STRANGER
from tests.unit.actions.page_world import World
from tests.unit.web.citizen_pages import ISSUER

PASSKEY = "passkey"
CARD = ProviderInfo(PASSKEY, {"en": "Passkey"}, {"en": "A passkey"}, 1, Level.SUBSTANTIAL)


@dataclass
class Owner:
    """A citizen with a device, and the context of the pages."""

    w: World
    context: KeptContext
    device: Authenticator

    async def adds(self, name: str = "Mine", days: int = 90, device: Authenticator | None = None) -> KeptRefusal | None:
        """Makes a passkey on the page, and adds it."""
        begun = await kept.begin_registration(self.context, self.w.browser, "Your account")
        assert isinstance(begun, NewRegistration), begun
        options: Mapping[str, Any] = begun.options
        answer = (device or self.device).create(options)
        made = MadePasskey(begun.ceremony, answer, name)
        return await kept.register(self.context, self.w.browser, made, days=days, language="en")

    async def sees(self) -> KeptView:
        """The page of what is kept."""
        view = await kept.view(self.context, self.w.browser)
        assert view is not None
        return view

    async def only(self) -> KeptWithPasskeys:
        """What is kept."""
        [one] = (await self.sees()).kept
        return one

    async def signs_in(self, browser: Browser = STRANGER, **more: Any) -> str:
        """Comes from the library and uses the passkey in a browser; gives the handle."""
        before, self.w.browser = self.w.browser, browser
        handle = await self.w.arrives(**more)
        await self.w.leaves(handle, PASSKEY)
        attempt = (await self.w.transaction(handle)).attempt
        assert attempt is not None
        state = upstream_state(handle, attempt.id)
        context = self.w.sign_in.sign_in_context
        shown = await sign_in.prompt(context, state, browser)
        assert isinstance(shown, PasskeyPrompt)
        options: Mapping[str, Any] = shown.options
        done = await sign_in.answer(context, state, browser, code=self.device.get(options), cancelled=False)
        assert done == handle
        assert await sign_in.prompt(context, state, browser) == handle
        self.w.browser = before
        return handle

    async def fails(self, **more: Any) -> FailureClass:
        """The same, if it does not succeed."""
        handle = await self.signs_in(**more)
        view, _ = await self.w.sign_in.look(handle, STRANGER)
        assert isinstance(view, FailureView), view
        return view.transaction.failures[-1].failure


def owner_of(w: World) -> Owner:
    """The citizen of a world, without a passkey."""
    facts = w.stage.facts
    ground = ProviderDependencies(
        cast(HttpClients, None), facts.system, site=BrokerSite(ISSUER, "Broker"), passkeys=facts.passkeys
    )
    provider = build(CARD, PasskeyConfig(), ground)
    w.shelf.providers[PASSKEY] = ConfiguredProvider(provider, ProviderPolicy(), f"{ISSUER}/callback/{PASSKEY}")
    context = KeptContext(w.sign_in.sign_in_context, facts.passkeys, facts.kept_identities)
    return Owner(w, context, Authenticator(ISSUER))
