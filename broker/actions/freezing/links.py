"""The page of a link that stops an identity: every look and every press is counted before the link is compared."""

from dataclasses import dataclass
from typing import Final

from broker.actions.freezing.freeze import FreezeContext, freeze, look
from broker.actions.ports import RateLimits
from broker.actions.results import LimitKind, RateLimited
from broker.model.freeze_link import LinkState
from broker.model.handle import sha256_hex
from broker.model.rate_limit import RateWindow

PER_LINK: Final = RateWindow(20, 600)
"""Looks at one link, and presses on its page: a mail program that opens links by itself needs few."""


@dataclass(frozen=True, slots=True)
class FreezeLinks:
    """Links that stop identities, which can be tried from the whole Internet. `per_ip` limits looks, and presses, of
    one client address."""

    context: FreezeContext
    rates: RateLimits
    per_ip: RateWindow

    async def state_of_link(self, handle: str, address: str) -> LinkState | RateLimited:
        """Whether the link with this handle can stop an identity. Nothing is changed."""
        return await self._counted("look", handle, address) or await look(self.context, handle)

    async def stop_identity(self, handle: str, address: str) -> RateLimited | None:
        """Stops the identity of a link, if it can. The page that says so afterwards does not count."""
        limited = await self._counted("press", handle, address)
        if limited is None and await freeze(self.context, handle):
            await self.rates.give_back(f"freeze:look:{address}", self.per_ip.window)
            await self.rates.give_back(_link_key("look", handle), PER_LINK.window)
        return limited

    async def _counted(self, act: str, handle: str, address: str) -> RateLimited | None:
        keys = ((f"freeze:{act}:{address}", self.per_ip), (_link_key(act, handle), PER_LINK))
        now = self.context.cases.system.now()
        for key, rate in keys:
            if not await self.rates.allow(key, rate.most, rate.window):
                return RateLimited(LimitKind.FREEZES, rate.ends(now))
        return None


def _link_key(act: str, handle: str) -> str:
    return f"freeze:{act}:link:{sha256_hex(handle)}"
