"""Lifetimes of codes, tokens and sessions: the tables `[tokens]` and `[sessions]` of broker.toml."""

from dataclasses import dataclass, replace
from typing import Annotated

from broker.model.service import Service
from broker.platform.toml_loader import Range, Seconds


@dataclass(frozen=True, slots=True)
class TokenLifetimes:
    """Lifetimes of codes, tokens and requests of services."""

    code: Annotated[Seconds, Range(5, 60)] = 60
    """Authorization codes (FAPI 2.0 Security Profile 5.3.2.1: 60 seconds at most)."""
    request_uri: Annotated[Seconds, Range(5, 300)] = 300
    """Pushed authorization requests, from the push to the citizen's arrival (RFC 9126 2.2)."""
    access: Annotated[Seconds, Range(60, 3600)] = 600
    """Access tokens."""
    id_token: Annotated[Seconds, Range(60, 3600)] = 300
    """ID tokens, `exp`: the time within which a service must have validated one."""
    refresh: Annotated[Seconds, Range(3600, 366 * 86400)] = 30 * 86400
    """Refresh tokens, counted from the citizen's sign-in. Using one does not extend it."""
    app_access: Annotated[Seconds, Range(60, 900)] = 300
    """Access tokens of apps with `sender_constrained = false`, which are bearer tokens. The lesser of this and
    `access` applies."""
    app_refresh: Annotated[Seconds, Range(300, 30 * 86400)] = 24 * 3600
    """Refresh tokens of such apps, counted from the citizen's sign-in. The lesser of this and `refresh` applies."""
    backchannel_request: Annotated[Seconds, Range(60, 3600)] = 600
    """Backchannel authentication requests (CIBA), if the service sends no `requested_expiry`. It may ask for up to
    an hour."""

    def for_caller(self, service: Service, *, bound: bool) -> "TokenLifetimes":
        """Lifetimes for a caller: shorter for bearer tokens of an app (RFC 9700 2.2)."""
        if not service.is_public or bound:
            return self
        return replace(self, access=min(self.access, self.app_access), refresh=min(self.refresh, self.app_refresh))


@dataclass(frozen=True, slots=True)
class SessionTimeouts:
    """Single sign-on session of the broker, which saves citizens a second sign-in."""

    idle: Annotated[Seconds, Range(60, 86400)] = 30 * 60
    """Idle timeout: the session ends if no service used it for this long."""
    absolute: Annotated[Seconds, Range(300, 7 * 86400)] = 8 * 3600
    """Absolute timeout, counted from the sign-in."""
