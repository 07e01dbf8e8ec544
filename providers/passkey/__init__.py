"""Passkeys of citizens: a way to sign in at the broker itself, to an identity that it keeps.

`config` is the table `[passkey]`, `preset` the description for the picker. `provider.PasskeyProvider` sends the citizen
to a page of the broker, whose script asks the browser for a passkey, and verifies the answer. No other server takes
part, so it can never be out of order.
"""

from collections.abc import Sequence

from broker.model.json_types import JsonObject
from broker.platform.http_client import HttpClients
from broker.provider import ProviderInfo
from providers.kind import Kind, ProviderDependencies
from providers.passkey.config import PasskeyConfig, check
from providers.passkey.preset import PRESETS, with_preset
from providers.passkey.provider import PasskeyProvider, relying_party


def build(card: ProviderInfo, config: PasskeyConfig, ground: ProviderDependencies) -> PasskeyProvider:
    """The provider. Raises ValueError for an `rp_id` that is not that of the broker."""
    return PasskeyProvider(card, relying_party(config, ground.site), config, ground)


async def deviations(_config: PasskeyConfig, _http_clients: HttpClients) -> Sequence[str]:
    """None: there is no other side."""
    return ()


def public_keys(_config: PasskeyConfig) -> JsonObject:
    """None: the broker has no key there."""
    return {"keys": []}


KIND: Kind[PasskeyConfig] = Kind(PasskeyConfig, check, PRESETS, with_preset, public_keys, build, deviations)

__all__ = ["KIND", "PasskeyConfig", "PasskeyProvider", "build", "check"]
