"""Settings of the simulator: issuers, their clients, and the personas who sign in."""

from dataclasses import dataclass, field

from broker.model.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class SimulatedClient:
    """A registered client: it authenticates by a key set (RFC 7517) or by a shared secret, not both.
    `check_session`: it receives a `session_state`, and may ask a national provider's `check_session_iframe`."""

    client_id: str
    redirect_uris: tuple[str, ...]
    jwks: JsonObject | None = None
    secret: str | None = field(default=None, repr=False)
    post_logout_redirect_uris: tuple[str, ...] = ()
    frontchannel_logout_uri: str | None = None
    initiate_login_uri: str | None = None
    check_session: bool = False


@dataclass(frozen=True, slots=True)
class Persona:
    """A persona who signs in. `id` is that of `persona:<id>`, `claims` all known claims.

    `highest` is the highest level they can reach, as an index in the issuer's `levels`; -1 is the last, all of them.
    """

    id: str
    title: str
    claims: JsonObject
    highest: int = -1


@dataclass(frozen=True, slots=True)
class Issuer:
    """One issuer: its identifier is the base URL and its name. `levels` are its `acr` values, the weakest first.

    `tint` is a CSS colour. `amr` belongs to each level. `announces_issuer`: RFC 9207.
    """

    name: str
    title: str
    motto: str
    tint: str
    levels: tuple[str, ...]
    amr: tuple[tuple[str, ...], ...]
    personas: tuple[Persona, ...]
    clients: tuple[SimulatedClient, ...] = ()
    algorithm: str = "ES256"
    announces_issuer: bool = True


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """The simulator. `base` is its URL, without a trailing slash.

    `development` must be true: it signs in any visitor as any persona. `hop` is a URL of another origin (such as
    `https://hop.example:8443/hop`, a path of this application under another name) through which every response is
    redirected. `slow` is the delay of a slow response in seconds, `life` the lifetime of tokens.
    """

    base: str
    issuers: tuple[Issuer, ...]
    development: bool
    hop: str | None = None
    slow: float = 10.0
    life: int = 600
