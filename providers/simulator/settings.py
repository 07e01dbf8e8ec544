"""What the simulator plays: its issuers, who is registered there, and the people who sign in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class SimulatedClient:
    """Somebody who may ask: known by a public key set (RFC 7517) or by a shared secret, not both."""

    client_id: str
    redirect_uris: tuple[str, ...]
    jwks: Mapping[str, Any] | None = None
    secret: str | None = field(default=None, repr=False)
    post_logout_redirect_uris: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Persona:
    """Somebody who signs in. `id` is what `persona:<id>` names, `claims` all that is known about them.

    `highest` is the best level they can reach, as a place in the issuer's `levels`; -1 is the last, all of them.
    """

    id: str
    title: str
    claims: Mapping[str, Any]
    highest: int = -1


@dataclass(frozen=True, slots=True)
class Issuer:
    """One provider: its issuer is the base URL and its name. `levels` are its `acr` values, the weakest first.

    `tint` is a colour in CSS. `amr` goes with each level. `announces_issuer`: RFC 9207.
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
    """The simulator. `base` is the URL it is reached at, without a slash at the end.

    `development` must be true: it signs in anybody as anybody. `hop` is a URL of another origin (such as
    `https://hop.example:8443/hop`, a path of this very application under another name) through which every answer
    travels on its way back. `slow` is how many seconds a slow answer takes, `life` how long a token lives.
    """

    base: str
    issuers: tuple[Issuer, ...]
    development: bool
    hop: str | None = None
    slow: float = 10.0
    life: int = 600
