"""OpenID Connect providers. Another provider is another TOML file.

`config` is the table `[openid]`. A sign-in runs through `provider.OpenIdProvider`: `begin` sends the citizen with an
`authorization_request`, which may be a `pushed_request`; `complete` hands the code to the `redemption`. That exchanges
it at the `token_endpoint`, checks a `token_binding`, opens tokens (`token_opening`), checks the ID token
(`id_token_checks`), reads `userinfo`, a second `identity_token` and other `claim_sources`, and makes the `identity`:
its `levels`, and claims by `claim_paths`. `direct_calls` and `dpop` send calls with the broker's
`client_authentication`. `metadata` and keys are cached. `errors` lists every fault with its cause, `error_mapping` the
provider's error codes, `describe` what may be logged. `standard_metadata` compares the metadata with the standards for
`check --connect`, `self_test` with the settings, and tries a made-up code.
"""

from collections.abc import Sequence

from broker.model.json_types import JsonObject
from broker.platform.http_client import HttpClients
from broker.platform.operator_files import content
from broker.provider import ProviderInfo
from providers.kind import Kind, ProviderDependencies
from providers.openid.client_authentication import credentials
from providers.openid.config import OpenIdConfig
from providers.openid.config_checks import check
from providers.openid.direct_calls import BearerCalls, DirectCalls
from providers.openid.dpop import DpopCalls
from providers.openid.errors import UpstreamError
from providers.openid.metadata import fetch_document
from providers.openid.own_keys import load_own_keys
from providers.openid.provider import OpenIdProvider, provider_client, terms_of
from providers.presets import preset_names, with_preset


def build(card: ProviderInfo, config: OpenIdConfig, ground: ProviderDependencies) -> OpenIdProvider:
    """The provider. Reads the key or secret files; raises OSError or ValueError if that fails."""
    own = load_own_keys(config, ground.read)
    client = provider_client(card, config, ground)
    authentication = credentials(config, own, ground.system)
    calls: DirectCalls
    if config.dpop is None:
        calls = BearerCalls(client, authentication)
    else:
        calls = DpopCalls(client, authentication, config.dpop, own.proof, ground.system)
    return OpenIdProvider(card, config, ground, calls, own)


async def deviations(config: OpenIdConfig, http_clients: HttpClients) -> Sequence[str]:
    """What in the provider's metadata departs from the standards."""
    from providers.openid import standard_metadata  # here, since only `check --connect` needs Authlib

    if config.endpoints is not None:
        return ()
    client = http_clients.client(f"check:{config.issuer}", limit=1, terms=terms_of(config))
    try:
        document = await fetch_document(config, client)
    except UpstreamError as error:
        return (error.failure.detail,)
    return standard_metadata.deviations(document)


def public_keys(config: OpenIdConfig) -> JsonObject:
    """The broker's public keys at the provider. Raises OSError or ValueError for an unusable file."""
    return load_own_keys(config, content).jwks


KIND = Kind(OpenIdConfig, check, preset_names(), with_preset, public_keys, build, deviations)

__all__ = ["KIND", "OpenIdConfig", "OpenIdProvider", "build", "check"]
