"""Identity providers: every kind implements the contract of `broker.provider`.

`KINDS` lists the kinds by the name in a provider's file: `openid`, and `passkey` for passkeys at the broker itself.
`kind` describes what a kind supplies: its settings, their checks, and the constructor.
`monitored_provider.MonitoredProvider` wraps every provider: its `circuit_breaker` stops sign-ins during an outage, and
it checks the provider's health in the background; `shared_health` is what processes tell each other of it. `simulator`
is an OpenID provider for the demonstration and tests.
"""

from collections.abc import Mapping
from typing import Any

from providers import openid, passkey
from providers.kind import Kind, ProviderDependencies

KINDS: Mapping[str, Kind[Any]] = {
    "openid": openid.KIND,
    "passkey": passkey.KIND,
}

__all__ = ["KINDS", "Kind", "ProviderDependencies"]
