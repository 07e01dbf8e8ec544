"""OpenID Connect providers. Another provider is another TOML file.

`config` is the table `[openid]`. A sign-in runs through `provider.OpenIdProvider`: `begin` sends the citizen with an
`authorization_request`; `complete` redeems the code at the `token_endpoint`, validates the ID token
(`id_token_checks`), reads userinfo, and makes the `identity`. `metadata` and keys are cached.
`errors` lists every fault with its cause, `error_mapping` the provider's error codes, `describe` what may be logged.
`standard_metadata` compares the metadata with the standards for `check --connect`.
"""

from collections.abc import Sequence

from broker.crypto.jose import load_signing_key
from broker.platform.http_client import HttpClients
from broker.platform.operator_files import first_line
from broker.provider import ProviderInfo
from providers.kind import Kind, ProviderDependencies
from providers.openid.config import OpenIdConfig, UpstreamAuthentication, check
from providers.openid.errors import UpstreamError
from providers.openid.metadata import fetch_document
from providers.openid.provider import OpenIdProvider
from providers.openid.token_endpoint import credentials


def build(card: ProviderInfo, config: OpenIdConfig, ground: ProviderDependencies) -> OpenIdProvider:
    """The provider. Reads the key or secret file; raises OSError or ValueError where that does not do."""
    key = secret = None
    if config.authentication is UpstreamAuthentication.PRIVATE_KEY_JWT:
        if config.key_file is None:
            raise ValueError("private_key_jwt needs a key_file")
        key = load_signing_key(ground.read(config.key_file), config.key_algorithm, config.key_id)
    else:
        if config.secret_file is None:
            raise ValueError(f"{config.authentication} needs a secret_file")
        secret = first_line(ground.read(config.secret_file))
    return OpenIdProvider(card, config, ground, credentials(config, key, secret, ground.system), key)


async def deviations(config: OpenIdConfig, http_clients: HttpClients) -> Sequence[str]:
    """What in the provider's metadata departs from the standards."""
    from providers.openid import standard_metadata  # here, since only `check --connect` needs Authlib

    try:
        document = await fetch_document(config.issuer, http_clients.client(f"check:{config.issuer}", limit=1))
    except UpstreamError as error:
        return (error.failure.detail,)
    return standard_metadata.deviations(document)


KIND = Kind(OpenIdConfig, check, build, deviations)

__all__ = ["KIND", "OpenIdConfig", "OpenIdProvider", "build", "check"]
