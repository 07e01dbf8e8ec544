"""An identity: who a provider, or a verification case, says the citizen is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from broker.model.assurance import Level, Verification

HELP = "help"
"""The `provider` of an identity that a verification case proved. No provider may be registered under this id."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified statement about one person. Its key is (`issuer`, `subject`) and nothing else.

    `provider` is our id of the provider asked, `level` what was really reached, `amr` the words of RFC 8176,
    `auth_time` when the person signed in there (seconds since 1970 UTC). `id_token` is the provider's own token, kept
    only to end its session there with it: it is told to no service.
    """

    provider: str
    issuer: str
    subject: str
    level: Level
    amr: tuple[str, ...]
    auth_time: int
    claims: Mapping[str, Any] = field(default_factory=dict)
    verification: Verification | None = None
    id_token: str | None = field(default=None, repr=False)
