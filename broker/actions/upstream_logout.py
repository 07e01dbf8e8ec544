"""Logout by a provider (OpenID Connect Back-Channel Logout 1.0): ends the sessions that the provider had proved.

The services of these sessions receive logout tokens of the broker, as after a logout by the citizen. A token counts
once, and sessions that began after the provider sent it stay.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from broker.actions.outbox.logout_tokens import logout_fan_out
from broker.actions.sign_in.context import ConfiguredProvider
from broker.model.audit import AuditEvent
from broker.model.service import Service
from broker.model.session import EndedSession, LogoutFanOut, UpstreamLogout
from broker.platform.system import System
from broker.provider import ProviderFailure, ReceivesLogout

LOG: Final = logging.getLogger("portico.providers")


class UpstreamLogouts(Protocol):
    """Sessions that end because a provider ended its own (database)."""

    async def end(
        self, logout: UpstreamLogout, event: AuditEvent, fan_out: LogoutFanOut, only: str | None = None
    ) -> Sequence[EndedSession] | None:
        """Ends the live sessions that the provider proved in the session, or for the subject, of the logout.

        `only` is the digest of the one session that it may end. None for a `jti` that was used before.
        """
        ...


@dataclass(frozen=True, slots=True)
class UpstreamLogoutContext:
    """What the logout by a provider works with, built once."""

    providers: Mapping[str, ConfiguredProvider]
    services: Mapping[str, Service]
    logouts: UpstreamLogouts
    system: System


async def receive_logout(context: UpstreamLogoutContext, provider: str, token: str) -> int | None:
    """Ends the sessions that a provider's logout token names. Returns their number, None for an unacceptable token."""
    registered = context.providers.get(provider)
    if registered is None or not isinstance(registered.provider, ReceivesLogout):
        return None
    found = await registered.provider.read_logout(token)
    if found is None:
        return None
    if isinstance(found, ProviderFailure):
        _log_refusal(provider, found.detail)
        return None
    now = context.system.now()
    event = AuditEvent("session_ended", now, "broker", provider=provider, details={"why": "provider"})
    ended = await context.logouts.end(found, event, logout_fan_out(context.services, now))
    if ended is None:
        _log_refusal(provider, "logout token: its jti was used before")
        return None
    return len(ended)


def _log_refusal(provider: str, detail: str) -> None:
    LOG.info("logout_token_refused", extra={"provider": provider, "detail": detail})
