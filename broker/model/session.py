"""The broker's own session: what makes single sign-on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from broker.model.identity import Identity
from broker.model.outbound_delivery import OutboundDelivery


@dataclass(frozen=True, slots=True)
class Session:
    """A citizen's session at the broker, known by the digest of its cookie.

    `id` is told to no service: each one has a `sid` derived from it. `used` is when it last answered; it ends `idle`
    seconds after that, and at `expires`.
    """

    digest: str
    id: str
    account: str
    identity: Identity
    created: float
    used: float
    expires: float


@dataclass(frozen=True, slots=True)
class EndedSession:
    """A session that has just ended: its id, its account, and the services that took part in it.

    `services` gives, by client id, what each of them calls the citizen (`sub`).
    """

    id: str
    account: str
    services: Mapping[str, str] = field(default_factory=dict)


LogoutFanOut = Callable[[EndedSession], Sequence[OutboundDelivery]]
"""What has to be delivered when a session has ended. It is written in the transaction that ends the session."""


def no_fan_out(ended: EndedSession) -> Sequence[OutboundDelivery]:
    """The farewell that tells nobody."""
    return ()
