"""Providers that speak OpenID Connect. One more of them is one more TOML file."""

from broker.jose import load_signing_key
from broker.operator_files import first_line
from broker.provider import Card
from providers.kind import Ground, Kind
from providers.openid.config import Authentication, OpenIdConfig, check
from providers.openid.provider import OpenIdProvider
from providers.openid.tokens import credentials


def build(card: Card, config: OpenIdConfig, ground: Ground) -> OpenIdProvider:
    """The provider. Reads the key or secret file; raises OSError or ValueError where that does not do."""
    key = secret = None
    if config.authentication is Authentication.PRIVATE_KEY_JWT:
        if config.key_file is None:
            raise ValueError("private_key_jwt needs a key_file")
        key = load_signing_key(ground.read(config.key_file), config.key_algorithm, config.key_id)
    else:
        if config.secret_file is None:
            raise ValueError(f"{config.authentication} needs a secret_file")
        secret = first_line(ground.read(config.secret_file))
    return OpenIdProvider(card, config, ground, credentials(config, key, secret, ground.ambient), key)


KIND = Kind(OpenIdConfig, check, build)

__all__ = ["KIND", "OpenIdConfig", "OpenIdProvider", "build", "check"]
