"""The broker's own session: what makes single sign-on."""

from dataclasses import dataclass

from broker.model.identity import Identity


@dataclass(frozen=True, slots=True)
class Session:
    """A citizen's session at the broker, known by the digest of its cookie.

    `id` is the public `sid`; `used` is when it last answered; it ends `idle` seconds after that, and at `expires`.
    """

    digest: str
    id: str
    account: str
    identity: Identity
    created: float
    used: float
    expires: float
