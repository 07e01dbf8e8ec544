"""Provider metadata against the standards, by Authlib (Discovery 3, RFC 8414 2, RFC 9101 10.5, RFC 9207 3, RP-Initiated
Logout 2.1).

Only `portico check --connect` and `portico provider test` import this module: no worker pays for the import. What a
sign-in needs of the metadata is checked by `providers.openid.metadata`, since Authlib accepts endpoints that may not be
called (decisions 0056 and 0068).
"""

from typing import Final

from authlib.oauth2 import rfc8414, rfc9101, rfc9207
from authlib.oidc import discovery, rpinitiated

from broker.model.json_types import JsonObject

_STANDARDS: Final = (
    discovery.OpenIDProviderMetadata,
    rfc9207.AuthorizationServerMetadata,
    rpinitiated.OpenIDProviderMetadata,
    rfc9101.AuthorizationServerMetadata,
    rfc8414.AuthorizationServerMetadata,
)
"""The first one that knows a member decides about it."""

_NOT_HELD: Final = frozenset({"id_token_signing_alg_values_supported"})
"""Discovery 1.0 demands RS256 there; FAPI 2.0 (5.4.1) forbids it, so a provider without it departs from nothing."""


def deviations(document: JsonObject) -> tuple[str, ...]:
    """What in a provider's metadata departs from the standards, one sentence for each member. No value is repeated."""
    found = []
    read = set(_NOT_HELD)
    for standard in _STANDARDS:
        metadata = standard(document)
        for member in standard.REGISTRY_KEYS:
            if member in read:
                continue
            read.add(member)
            try:
                getattr(metadata, f"validate_{member}")()
            except ValueError as problem:
                found.append(str(problem))
            except (AttributeError, LookupError, TypeError):  # Authlib's checks expect each member to have its type
                found.append(f'"{member}" has a value of a wrong type')
    return tuple(found)
