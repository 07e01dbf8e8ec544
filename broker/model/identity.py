"""Identity: what a provider or a verification case asserts about the citizen."""

from dataclasses import dataclass, field

from broker.model.assurance import Level, Verification
from broker.model.json_types import JsonObject

HELP = "help"
"""`provider` of an identity that a verification case proved. No provider may be registered under this id."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Verified assertion about one person. Its only key is (`issuer`, `subject`).

    `provider` is the broker's id of the provider, `level` the level reached, `amr` values of RFC 8176, `auth_time` when
    the person signed in at the provider (seconds since 1970 UTC). `id_token` and `access_token` are the provider's,
    stored only to end the session there; no service receives them.
    """

    provider: str
    issuer: str
    subject: str
    level: Level
    amr: tuple[str, ...]
    auth_time: int
    claims: JsonObject = field(default_factory=dict)
    verification: Verification | None = None
    id_token: str | None = field(default=None, repr=False)
    access_token: str | None = field(default=None, repr=False)
