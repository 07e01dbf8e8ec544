"""Logout by a provider (OpenID Connect Back-Channel Logout 1.0): ends the sessions that the provider had proved.

The services of these sessions receive logout tokens of the broker, as after a logout by the citizen. Sessions that
began after the provider sent its token stay, so that a repeated token ends nothing new.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from broker.actions.outbox.logout_tokens import logout_fan_out
from broker.actions.ports import AccountLinks
from broker.actions.sign_in.context import ConfiguredProvider
from broker.model.audit import AuditEvent
from broker.model.service import Service
from broker.platform.system import System
from broker.provider import ProviderFailure, ReceivesLogout


@dataclass(frozen=True, slots=True)
class UpstreamLogoutContext:
    """What the logout by a provider works with, built once."""

    providers: Mapping[str, ConfiguredProvider]
    services: Mapping[str, Service]
    links: AccountLinks
    system: System


async def receive_logout(context: UpstreamLogoutContext, provider: str, token: str) -> int | None:
    """Ends the sessions that a provider's logout token names. Returns their number, None for an unacceptable token."""
    registered = context.providers.get(provider)
    if registered is None or not isinstance(registered.provider, ReceivesLogout):
        return None
    found = await registered.provider.read_logout(token)
    if found is None or isinstance(found, ProviderFailure):
        return None
    now = context.system.now()
    event = AuditEvent("session_ended", now, "broker", provider=provider, details={"why": "provider"})
    return await context.links.end_proved(found, event, logout_fan_out(context.services, now))
