"""Dialects: how a simulated provider speaks if it is more than plain OpenID Connect.

A dialect is written from what a provider publishes, never from the broker's preset for it: the two are checked against
each other by signing in.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from broker.model.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class Encryption:
    """Algorithms with which a provider encrypts to its clients."""

    key: str
    content: str


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one provider speaks.

    `issuer` is its published identifier, whose host is the first segment of its path at the simulator; empty: its URL
    there. `pushed` is the lifetime of a pushed request in seconds, without which no request is accepted; None: requests
    are in the browser. `dpop` are the algorithms of the proofs that its access tokens need; empty: bearer tokens.
    `assertion_life` is the longest lifetime of a client assertion in seconds, `id_token` the encryption of ID tokens,
    `userinfo` whether there is such an endpoint. `refuse` returns the error of a request that the provider does not
    accept, None for others. `shape` makes the ID token's claims of the plain ones, the persona's and the scopes.
    """

    issuer: str = ""
    pushed: int | None = None
    dpop: tuple[str, ...] = ()
    assertion_life: int = 300
    id_token: Encryption | None = None
    userinfo: bool = True
    refuse: Callable[[Mapping[str, str]], str | None] = lambda _parameters: None
    shape: Callable[[dict[str, object], JsonObject, tuple[str, ...]], dict[str, object]] = (
        lambda claims, _persona, _scope: claims
    )

    def metadata(self) -> JsonObject:
        """What the metadata says beyond plain OpenID Connect."""
        said: dict[str, object] = {}
        if self.pushed is not None:
            said |= {"require_pushed_authorization_requests": True}
        if self.dpop:
            said |= {"dpop_signing_alg_values_supported": list(self.dpop)}
        if self.id_token is not None:
            said["id_token_encryption_alg_values_supported"] = [self.id_token.key]
            said["id_token_encryption_enc_values_supported"] = [self.id_token.content]
        return said


PLAIN = Dialect()
