"""Client authentication of the broker at a provider (OpenID Connect Core 9, RFC 7523 3, RFC 6749 2.3.1)."""

import base64
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote_plus

from broker.crypto.jose import SigningKey, sign
from broker.model.json_types import JsonObject
from broker.platform.system import System
from providers.openid.config import OpenIdConfig
from providers.openid.config_tables import TLS_METHODS, UpstreamAssertionAudience, UpstreamAuthentication
from providers.openid.own_keys import OwnKeys

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Credentials = Callable[[str, str], tuple[Mapping[str, str], Mapping[str, str]]]
"""Client authentication for a call: form fields and headers. Arguments: the called endpoint, the token endpoint."""


def credentials(config: OpenIdConfig, own: OwnKeys, system: System) -> Credentials:
    """Client authentication as configured."""
    secret = own.secret
    if config.authentication is UpstreamAuthentication.PRIVATE_KEY_JWT and own.assertion is not None:
        return _assertions(config, own.assertion, own.headers, system)
    if config.authentication in TLS_METHODS or config.authentication is UpstreamAuthentication.NONE:
        return lambda _called, _token: ({"client_id": config.client_id}, {})
    if secret is None:
        raise ValueError(f"{config.authentication} has neither a key nor a secret")
    if config.authentication is UpstreamAuthentication.CLIENT_SECRET_POST:
        return lambda _called, _token: ({"client_id": config.client_id, "client_secret": secret}, {})
    pair = f"{quote_plus(config.client_id)}:{quote_plus(secret)}".encode()
    basic = {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}
    return lambda _called, _token: ({}, basic)


_Audience = Callable[[str, str], str]
"""The audience of a call. Arguments: the called endpoint, the token endpoint."""


def _audience(config: OpenIdConfig, kind: UpstreamAssertionAudience) -> _Audience:
    match kind:
        case UpstreamAssertionAudience.ISSUER:
            return lambda _called, _token: config.issuer
        case UpstreamAssertionAudience.TOKEN_ENDPOINT:
            return lambda _called, token: token
        case UpstreamAssertionAudience.CALLED_ENDPOINT:
            return lambda called, _token: called


def _audiences(config: OpenIdConfig) -> Callable[[str, str], object]:
    """The `aud` of a call: a text, or a list of different texts."""
    several = [_audience(config, kind) for kind in config.assertion_audiences]
    if not several:
        return _audience(config, config.assertion_audience)
    return lambda called, token: list(dict.fromkeys(one(called, token) for one in several))


def _assertions(config: OpenIdConfig, key: SigningKey, headers: JsonObject, system: System) -> Credentials:
    """Makes client assertions (RFC 7523 3)."""
    audience, client_id = _audiences(config), config.client_id

    def made(called: str, token_endpoint: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
        now = int(system.now())
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": audience(called, token_endpoint),
            "jti": system.random_bytes(16).hex(),
            "iat": now,
            "exp": now + config.assertion_lifetime,
        }
        if config.assertion_nbf:
            claims["nbf"] = now
        assertion = sign(claims, key, config.assertion_typ, headers)
        return {
            "client_id": client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }, {}

    return made
