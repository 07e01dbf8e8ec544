"""Broker session for single sign-on, and its end."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from broker.model.identity import Identity
from broker.model.outbound_delivery import OutboundDelivery


@dataclass(frozen=True, slots=True)
class Session:
    """Session of a citizen at the broker, identified by the digest of its cookie.

    `id` is never sent to a service: each one receives a `sid` derived from it. `used` is when it was last used; it ends
    `idle` seconds after that, and at `expires`. `browser` names the kind of browser in closed words
    (`account.browsers`).
    """

    digest: str
    id: str
    account: str
    identity: Identity
    created: float
    used: float
    expires: float
    browser: str = ""


@dataclass(frozen=True, slots=True)
class EndedSession:
    """Session that has just ended: its id, its account, and the services that took part in it.

    `services` maps client ids to the `sub` of the citizen there.
    """

    id: str
    account: str
    services: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UpstreamLogout:
    """A provider's statement that a citizen signed out there. `sid` names one session of theirs, None all of `subject`;
    one of the two is there.

    `at` is when the provider said so (seconds since 1970 UTC). `jti` is the id of the statement, which counts once.
    """

    issuer: str
    subject: str | None
    sid: str | None
    at: float
    jti: str | None = None


LogoutFanOut = Callable[[EndedSession], Sequence[OutboundDelivery]]
"""Computes the deliveries for an ended session. They are written in the database transaction that ends the session."""


def no_fan_out(_ended: EndedSession) -> Sequence[OutboundDelivery]:
    """Fan-out without any delivery."""
    return ()


@dataclass(frozen=True, slots=True)
class PendingLogout:
    """Logout of a citizen, for the page after signing out.

    `browser` is the digest of the secret of the browser that signed out. `back` is the service's post-logout redirect
    URI, `frames` are the front-channel logout URLs of services (Front-Channel Logout 1.0). `provider` proved the
    identity of the session; `url` is its logout URL, None if it has none now; `must_call` and `may_not_return` are as
    in `LogoutTarget`. `returned` says that the citizen came back from there. `locales` are those the service requested.
    `changed` says that the provider's session had changed before, which ended the broker's.
    """

    browser: str
    client_id: str | None = None
    back: str | None = None
    frames: tuple[str, ...] = ()
    locales: tuple[str, ...] = ()
    provider: str | None = None
    url: str | None = None
    returned: bool = False
    must_call: bool = False
    may_not_return: bool = False
    changed: bool = False
