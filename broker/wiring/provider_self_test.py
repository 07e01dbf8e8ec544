"""Self-test of a provider: used as far as that is possible without a citizen, by a command and once a day."""

import asyncio
from collections.abc import Sequence
from typing import Final

from broker.model.self_test import SelfTestFinding
from broker.platform import system
from broker.platform.http_client import HttpClients
from broker.provider import ChecksItself, Provider, callback_url
from broker.settings import Settings
from broker.wiring.provider_builds import provider_site
from providers import KINDS, ProviderDependencies

WITHIN: Final = 60.0
"""Seconds that the test of one provider may take."""


async def test_provider(settings: Settings, provider: str) -> Sequence[SelfTestFinding]:
    """Builds a provider of the settings with connections of its own, and tests it and its metadata."""
    broker, entry = settings.broker, settings.providers[provider]
    http_clients = HttpClients(
        development=broker.development,
        ca_file=broker.http_client.ca_file,
        networks=broker.http_client.allowed_networks,
    )
    try:
        dependencies = ProviderDependencies(http_clients, system.real_system(), site=provider_site(broker))
        kind = KINDS[entry.kind]
        callback = callback_url(broker.issuer, provider)
        found = await findings(kind.build(entry.card, entry.config, dependencies), callback)
        if any(one.blocks for one in found):
            return found
        departures = await kind.deviations(entry.config, http_clients)
        return (*(SelfTestFinding("metadata", departure) for departure in departures), *found)
    finally:
        await http_clients.close()


async def findings(provider: Provider, callback: str) -> Sequence[SelfTestFinding]:
    """What does not work at a provider, and what differs there from what was published.

    `callback` is the broker's redirect URI at it.
    """
    try:
        async with asyncio.timeout(WITHIN):
            health = await provider.health()
            if not health.working:
                return (SelfTestFinding("health", health.detail or "it does not answer as it should", blocks=True),)
            return await provider.self_test(callback) if isinstance(provider, ChecksItself) else ()
    except TimeoutError:
        return (SelfTestFinding("health", f"the test took longer than {WITHIN:.0f} seconds", blocks=True),)
