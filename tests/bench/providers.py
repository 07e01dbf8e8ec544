"""What one sign-in costs the broker at a provider, by what the provider demands: departure and response together.

The provider's own work, which the test plays, is taken out. Pages, stores and the service's part are not in it.
"""

import time
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any, Final, cast

from broker.model.identity import Identity
from broker.platform.http_client import HttpClients, HttpFailure, HttpResponse
from broker.platform.system import real_system
from broker.provider import CallbackParameters, UpstreamRedirect
from providers import ProviderDependencies
from providers.openid import build
from providers.openid.config_tables import AcceptedForm, DpopConfig, IdTokenConfig
from tests.unit.providers.stage import ASK, CALLBACK, CARD, config
from tests.unit.providers.wire import ISSUER, Silent, Wire, own_file

WARM, COUNT = 50, 500
"""Sign-ins before anything is read off, and those that are measured."""

FAPI: Final[Mapping[str, Any]] = {
    "pushed": True,
    "dpop": DpopConfig(),
    "id_token": IdTokenConfig(AcceptedForm.NESTED),
    "encryption_key_files": (Path("key.pem"),),
}
KINDS: Final[Mapping[str, Mapping[str, Any]]] = {"plain": {}, "PAR, DPoP, nested token": FAPI}
"""The measured kinds of providers, by name: their settings."""


class Free:
    """Connections to a provider whose work is not counted."""

    def __init__(self, wire: Wire) -> None:
        """`wire` plays the provider."""
        self.wire = wire
        self.spent = 0.0
        """Seconds of the provider's work so far."""

    async def get(self, *words: Any, **options: Any) -> HttpResponse | HttpFailure:
        """Answers a GET."""
        return await self._timed(self.wire.get(*words, **options))

    async def post(self, *words: Any, **options: Any) -> HttpResponse | HttpFailure:
        """Answers a POST."""
        return await self._timed(self.wire.post(*words, **options))

    async def _timed(self, call: Awaitable[HttpResponse | HttpFailure]) -> HttpResponse | HttpFailure:
        start = time.process_time()
        try:
            return await call
        finally:
            self.spent += time.process_time() - start


async def cost(kind: str, count: int = COUNT, warm: int = WARM) -> float:
    """CPU ms of a sign-in at a provider of this kind: the mean of so many."""
    settings = KINDS[kind]
    free = Free(Wire(real_system(), hidden="id_token" in settings))
    outgoing = cast(HttpClients, Silent(cast(Wire, free)))
    provider = build(CARD, config(ISSUER, **settings), ProviderDependencies(outgoing, real_system(), own_file))
    start = before = 0.0
    for number in range(warm + count):
        if number == warm:
            start, before = time.process_time(), free.spent
        away = await provider.begin(ASK)
        if not isinstance(away, UpstreamRedirect):
            raise TypeError(f"{kind}: {away}")
        free.wire.nonce = away.provider_state["nonce"]
        back = CallbackParameters({"code": "a-code"}, CALLBACK)
        found = await provider.complete(away.provider_state, back)
        if not isinstance(found, Identity):
            raise TypeError(f"{kind}: {found}")
    return 1000 * (time.process_time() - start - (free.spent - before)) / count
