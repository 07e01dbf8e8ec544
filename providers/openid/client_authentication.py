"""Client authentication of the broker at a provider (OpenID Connect Core 9, RFC 7523 3, RFC 6749 2.3.1)."""

import base64
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote_plus

from broker.crypto.jose import SigningKey, sign
from broker.platform.system import System
from providers.openid.config import OpenIdConfig
from providers.openid.config_tables import TLS_METHODS, UpstreamAssertionAudience, UpstreamAuthentication

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Credentials = Callable[[str, str], tuple[Mapping[str, str], Mapping[str, str]]]
"""Client authentication for a call: form fields and headers. Arguments: the called endpoint, the token endpoint."""


def credentials(config: OpenIdConfig, key: SigningKey | None, secret: str | None, system: System) -> Credentials:
    """Client authentication as configured."""
    if config.authentication is UpstreamAuthentication.PRIVATE_KEY_JWT and key is not None:
        return lambda called, token_endpoint: (
            _assertion(config, key, _audience(config, called, token_endpoint), system),
            {},
        )
    if config.authentication in TLS_METHODS or config.authentication is UpstreamAuthentication.NONE:
        return lambda _called, _token: ({"client_id": config.client_id}, {})
    if secret is None:
        raise ValueError(f"{config.authentication} has neither a key nor a secret")
    if config.authentication is UpstreamAuthentication.CLIENT_SECRET_POST:
        return lambda _called, _token: ({"client_id": config.client_id, "client_secret": secret}, {})
    pair = f"{quote_plus(config.client_id)}:{quote_plus(secret)}".encode()
    basic = {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}
    return lambda _called, _token: ({}, basic)


def _audience(config: OpenIdConfig, called: str, token_endpoint: str) -> str:
    match config.assertion_audience:
        case UpstreamAssertionAudience.ISSUER:
            return config.issuer
        case UpstreamAssertionAudience.TOKEN_ENDPOINT:
            return token_endpoint
        case UpstreamAssertionAudience.CALLED_ENDPOINT:
            return called


def _assertion(config: OpenIdConfig, key: SigningKey, audience: str, system: System) -> Mapping[str, str]:
    now = int(system.now())
    claims = {
        "iss": config.client_id,
        "sub": config.client_id,
        "aud": audience,
        "jti": system.random_bytes(16).hex(),
        "iat": now,
        "exp": now + config.assertion_lifetime,
    }
    return {
        "client_id": config.client_id,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": sign(claims, key, config.assertion_typ),
    }
