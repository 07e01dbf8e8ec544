"""Logout by a provider: ends the sessions that the provider had proved.

`receive_logout` takes a logout token (OpenID Connect Back-Channel Logout 1.0), `receive_frame` the parameters of a
frame on the provider's page (Front-Channel Logout 1.0). The services of these sessions receive logout tokens of the
broker, as after a logout by the citizen. A token counts once, and sessions that began after the provider sent it stay.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from broker.actions.outbox.logout_tokens import logout_fan_out
from broker.actions.sign_in.context import ConfiguredProvider
from broker.model.audit import AuditEvent
from broker.model.handle import sha256_hex
from broker.model.security_event import InitiatingEntity
from broker.model.service import Service
from broker.model.session import EndedSession, LogoutFanOut, UpstreamLogout
from broker.oidc.logout_token import frontchannel_urls
from broker.platform.system import System
from broker.provider import FramesLogout, ProviderFailure, ReceivesLogout

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
    """What the logout by a provider works with, built once. `issuer` is the broker's."""

    issuer: str
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
    ended = await context.logouts.end(found, event, logout_fan_out(context.services, now, InitiatingEntity.SYSTEM))
    if ended is None:
        _log_refusal(provider, "logout token: its jti was used before")
        return None
    return len(ended)


@dataclass(frozen=True, slots=True)
class FramedLogout:
    """The answer to a provider's frame. `pages` are URLs on the origins that may show it, `frames` the front-channel
    logout URLs of the services whose sessions ended. `own` says whether the session of this browser did."""

    pages: tuple[str, ...]
    frames: tuple[str, ...] = ()
    own: bool = False


async def receive_frame(
    context: UpstreamLogoutContext, provider: str, parameters: Mapping[str, str], session: str | None
) -> FramedLogout | None:
    """Ends what began in the provider's session that `iss` and `sid` name. None for a provider without frames.

    A browser sends no cookie from a frame of another site, so the `sid`, which only the provider and the broker know,
    decides. `session` is the browser's cookie, if it came: then no session of another browser ends.
    """
    registered = context.providers.get(provider)
    frames = registered.provider.logout_frames if registered and isinstance(registered.provider, FramesLogout) else None
    if frames is None:
        return None
    sid = parameters.get("sid", "")
    if parameters.get("iss") != frames.issuer or not sid:
        return FramedLogout(frames.pages)
    now = context.system.now()
    event = AuditEvent("session_ended", now, "broker", provider=provider, details={"why": "provider"})
    only = None if session is None else sha256_hex(session)
    fan_out = logout_fan_out(context.services, now, InitiatingEntity.SYSTEM)
    logout = UpstreamLogout(frames.issuer, None, sid, now)
    ended = await context.logouts.end(logout, event, fan_out, only) or ()
    urls = [url for one in ended for url in frontchannel_urls(one, context.services, context.issuer)]
    return FramedLogout(frames.pages, tuple(urls), own=only is not None and bool(ended))


def _log_refusal(provider: str, detail: str) -> None:
    LOG.info("logout_token_refused", extra={"provider": provider, "detail": detail})
