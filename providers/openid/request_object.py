"""Request object (JAR, RFC 9101): the parameters of the authorization request in a token that the broker signs."""

import json
from collections.abc import Mapping
from typing import Final

from broker.crypto.jose import UnknownKey, sign
from broker.crypto.jwe import EncryptionKey, choose, encrypt
from broker.platform.refreshing_cache import RefreshingCache
from broker.platform.system import System
from providers.openid.config import OpenIdConfig
from providers.openid.config_tables import RequestObjectAudience, RequestObjectConfig
from providers.openid.errors import UpstreamError, UpstreamFault
from providers.openid.own_keys import OwnKeys

_AS_JSON: Final = frozenset({"claims", "vtr"})
_AS_NUMBER: Final = frozenset({"max_age"})
"""Parameters whose value in the token is JSON or a number, as OpenID Connect Core 6.1 and RFC 8485 4.1 show."""


class RequestObjects:
    """Signs the requests to one provider."""

    def __init__(
        self,
        config: OpenIdConfig,
        table: RequestObjectConfig,
        own: OwnKeys,
        keys: RefreshingCache[tuple[EncryptionKey, ...]],
        system: System,
    ) -> None:
        """`own` are the broker's keys at the provider, with one for the algorithm of the table, `keys` those of the
        provider that encrypt. Raises ValueError."""
        if own.request is None:
            raise ValueError("signed requests need a key")
        self._config = config
        self._table = table
        self._key = own.request
        self._headers = own.headers
        self._keys = keys
        self._system = system

    async def parameters(self, asked: Mapping[str, str], authorization_endpoint: str) -> Mapping[str, str]:
        """The parameters that are sent in place of these: the token, and those that stand beside it too.

        Raises UpstreamError if the provider has no key to which the token could be encrypted.
        """
        now = int(self._system.now())
        own = self._table.audience is RequestObjectAudience.ISSUER
        claims = {
            **{name: _value(name, text) for name, text in asked.items()},
            "iss": self._config.client_id,
            "aud": self._config.issuer if own else authorization_endpoint,
            "iat": now,
            "nbf": now,
            "exp": now + self._table.lifetime,
            "jti": self._system.random_bytes(16).hex(),
        }
        # a pushed token stands alone (RFC 9126 3)
        beside = {} if self._config.pushed else {name: asked[name] for name in self._table.beside if name in asked}
        signed = sign(claims, self._key, self._table.typ, self._headers)
        if self._table.encryption_algorithm is not None:
            signed = await self._encrypted(signed, self._table.encryption_algorithm)
        return {"client_id": self._config.client_id, **beside, "request": signed}

    async def _encrypted(self, signed: str, algorithm: str) -> str:
        """The token, encrypted to the provider (RFC 9101 6.1): signed first."""
        try:
            key = choose(await self._keys.get(), algorithm)
        except UnknownKey as problem:
            raise UpstreamError(UpstreamFault.KEYS_UNUSABLE, f"keys: {problem.detail}") from None
        return encrypt(signed.encode("ascii"), key, algorithm, self._table.content_encryption, cty="JWT")


def _value(name: str, text: str) -> object:
    if name in _AS_JSON:
        return json.loads(text)
    return int(text) if name in _AS_NUMBER else text
