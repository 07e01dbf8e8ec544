"""Identity: what a provider or a verification case asserts about the citizen."""

from dataclasses import dataclass, field

from broker.model.assurance import Level, Verification
from broker.model.json_types import JsonObject

HELP = "help"
"""`provider` of an identity that a verification case proved. No provider may be registered under this id."""


ACTING_FOR = "acting_for"
"""The claim that says for whom a person acts. A service that asks for it accepts people who act for another."""


@dataclass(frozen=True, slots=True)
class ActingFor:
    """The party on whose behalf a person signed in: another person, or an organisation.

    `kind` is the word of the provider's settings for it, `scope` what the person may do.
    """

    kind: str
    id: str
    name: str = ""
    scope: tuple[str, ...] = ()

    @property
    def claim(self) -> JsonObject:
        """The claim `acting_for` for services."""
        said = {"kind": self.kind, "id": self.id, "name": self.name, "scope": " ".join(self.scope)}
        return {name: text for name, text in said.items() if text}


@dataclass(frozen=True, slots=True)
class UpstreamGrant:
    """What the broker needs to ask a provider whether a sign-in is still good.

    `note` is the provider's own state, with its refresh token if it issued one. `checked` is when the provider
    confirmed the sign-in, `asking` since when a request of the broker is asking it (seconds since 1970 UTC).
    """

    note: JsonObject = field(repr=False)
    checked: float
    asking: float | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Verified assertion about one person. Its only key is (`issuer`, `subject`).

    `provider` is the broker's id of the provider, `level` the level reached, `amr` values of RFC 8176, `auth_time` when
    the person signed in at the provider (seconds since 1970 UTC). `id_token` and `access_token` are the provider's,
    stored only to end the session there; no service receives them. `act` is set if the person signed in on behalf of
    another. `upstream_sid` is the provider's id of its own session, if it says so, and `session_state` what its
    `check_session_iframe` is asked about, only if the settings want that. `anchor` is what never changes for
    the person, such as a national number: another one under the same subject is another person. Only its digest is
    stored with the account. `grant` is set if the provider is asked again during a session; only the session has it.
    `source` is set if the broker itself kept the identity: the provider, or HELP, that asserted it.
    """

    provider: str
    issuer: str
    subject: str
    level: Level
    amr: tuple[str, ...]
    auth_time: int
    claims: JsonObject = field(default_factory=dict)
    verification: Verification | None = None
    act: ActingFor | None = None
    id_token: str | None = field(default=None, repr=False)
    access_token: str | None = field(default=None, repr=False)
    upstream_sid: str | None = None
    session_state: str | None = None
    anchor: str | None = field(default=None, repr=False)
    grant: UpstreamGrant | None = field(default=None, repr=False)
    source: str | None = None
