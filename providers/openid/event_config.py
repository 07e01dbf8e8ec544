"""The table `[openid.events]`: security events that a provider sends."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from broker.platform.toml_loader import Range


class EventDelivery(StrEnum):
    """How a provider delivers events."""

    PUSH = "push"
    POLL = "poll"


@dataclass(frozen=True, slots=True)
class EventsConfig:
    """Security events that the provider sends about its users (OpenID Shared Signals Framework 1.0)."""

    bearer_file: Path
    """A file with a secret. With `push` the provider sends it as `Authorization: Bearer ...`: register it there as the
    stream's `authorization_header`. With `poll` the broker sends it, as the access token of the stream."""
    method: EventDelivery = EventDelivery.PUSH
    """`push`: the provider calls `<issuer>/providers/<id>/events` (RFC 8935). `poll`: the broker calls `url` (RFC
    8936)."""
    url: str | None = None
    """The polling address, as the provider gave it when the stream was created."""
    issuer: str | None = None
    """The issuer of the tokens, if it is not that of the provider."""
    jwks_uri: str | None = None
    """The URL of the keys that sign the tokens, if they are not those of the provider."""
    audience: str | None = None
    """The audience of the tokens, if it is not the client id of the broker."""
    algorithms: tuple[str, ...] = ("RS256", "ES256", "PS256")
    """Accepted signature algorithms."""
    every: Annotated[int, Range(1, 3600)] = 10
    """Seconds between two polls."""
