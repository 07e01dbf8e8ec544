"""Request object (JAR, RFC 9101): the parameters of the authorization request in a token that the broker signs."""

import json
from collections.abc import Mapping
from typing import Final

from broker.crypto.jose import sign
from broker.platform.system import System
from providers.openid.config import OpenIdConfig
from providers.openid.config_tables import RequestObjectAudience, RequestObjectConfig
from providers.openid.own_keys import OwnKeys

_AS_JSON: Final = frozenset({"claims", "vtr"})
_AS_NUMBER: Final = frozenset({"max_age"})
"""Parameters whose value in the token is JSON or a number, as OpenID Connect Core 6.1 and RFC 8485 4.1 show."""


class RequestObjects:
    """Signs the requests to one provider."""

    def __init__(self, config: OpenIdConfig, table: RequestObjectConfig, own: OwnKeys, system: System) -> None:
        """`own` are the broker's keys at the provider, with one for the algorithm of the table. Raises ValueError."""
        if own.request is None:
            raise ValueError("signed requests need a key")
        self._config = config
        self._table = table
        self._key = own.request
        self._headers = own.headers
        self._system = system

    def parameters(self, asked: Mapping[str, str], authorization_endpoint: str) -> Mapping[str, str]:
        """The parameters that are sent in place of these: the token, and those that stand beside it too."""
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
        return {
            "client_id": self._config.client_id,
            **beside,
            "request": sign(claims, self._key, self._table.typ, self._headers),
        }


def _value(name: str, text: str) -> object:
    if name in _AS_JSON:
        return json.loads(text)
    return int(text) if name in _AS_NUMBER else text
