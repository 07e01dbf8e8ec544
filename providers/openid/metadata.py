"""Provider metadata (OpenID Connect Discovery 1.0 3 and 4): the members that are used, their validation
and their caching.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from broker.crypto.jose import InvalidToken, KeySet, parse_keys
from broker.crypto.jwe import EncryptionKey, parse_encryption_keys
from broker.model.json_types import JsonObject
from broker.platform.http_client import HttpClient, HttpClients, HttpResponse, NotJson
from broker.platform.refreshing_cache import CachePolicy
from providers.openid.config import OpenIdConfig
from providers.openid.config_tables import EndpointsConfig
from providers.openid.describe import describe_identifier
from providers.openid.errors import KEYS, METADATA, UpstreamError, UpstreamFault

MAX_METADATA = 65_536
MAX_KEY_SET = 131_072
"""Maximum size in bytes of the metadata and of the key set."""

FRESH: Final = 300.0
"""Seconds for which cached metadata or keys are used without a new fetch."""
STALE: Final = 6 * 3600.0
"""Seconds for which a stale value is used while fetching fails. Beyond it the provider counts as unavailable."""
RETRY: Final = 2.0
"""Seconds after a failed fetch before the next one."""
COOL_DOWN: Final = 5.0
"""Seconds between two fetches caused by an unknown key or an invalid signature: short enough for keys that are
published a moment after the first token, and long enough for every provider."""

CACHE_POLICY: Final[CachePolicy[object]] = CachePolicy(lambda _: FRESH, STALE - FRESH, RETRY, COOL_DOWN)


@dataclass(frozen=True, slots=True)
class Metadata:
    """The provider's endpoints. `announces_issuer`: every response carries `iss` (RFC 9207 3)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    pushed_endpoint: str | None = None
    revocation_endpoint: str | None = None
    introspection_endpoint: str | None = None
    check_session_iframe: str | None = None
    announces_issuer: bool = False


_CALLED: Final = frozenset(
    {"token_endpoint", "userinfo_endpoint", "pushed_authorization_request_endpoint", "revocation_endpoint"}
    | {"introspection_endpoint"}
)
"""Endpoints that the broker calls with its certificate, if it has one."""

_OPTIONAL: Final[Mapping[str, str]] = {
    "end_session_endpoint": "end_session_endpoint",
    "pushed_authorization_request_endpoint": "pushed_endpoint",
    "revocation_endpoint": "revocation_endpoint",
    "introspection_endpoint": "introspection_endpoint",
    "check_session_iframe": "check_session_iframe",
}


def parse_metadata(
    document: JsonObject, issuer: str, may_call: Callable[[str], bool], *, mutual_tls: bool = False
) -> Metadata:
    """Validates the metadata in a document. `may_call` tells whether a URL may be called at all; `mutual_tls`: the
    calls are made with a client certificate, for which there may be other addresses (RFC 8705 5).

    An unusable `end_session_endpoint` (RP-Initiated Logout 1.0, 2.1), `pushed_authorization_request_endpoint` (RFC 9126
    5), `revocation_endpoint` or `introspection_endpoint` (RFC 8414 2), or `check_session_iframe` (Session Management
    1.0, 3.3) is ignored: most sign-ins do not need it.

    Raises UpstreamError if the issuer differs (Discovery 4.3), or an endpoint is missing or may not be called.
    """
    if document.get("issuer") != issuer:
        found = describe_identifier(document.get("issuer"))
        raise UpstreamError(UpstreamFault.METADATA_ISSUER, f"metadata: issuer {found}: expected {issuer!r}")
    aliases = document.get("mtls_endpoint_aliases")
    if mutual_tls and isinstance(aliases, dict):
        document = {**document, **{name: aliases[name] for name in _CALLED & aliases.keys()}}
    found_at: dict[str, str] = {}
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"):
        value = document.get(name)
        if value is None and name == "userinfo_endpoint":
            continue
        if not isinstance(value, str) or "#" in value or not may_call(value):
            raise UpstreamError(
                UpstreamFault.METADATA_ENDPOINT, f"metadata: {name} is missing or not an address that may be called"
            )
        found_at[name] = value
    for name, ours in _OPTIONAL.items():
        value = document.get(name)
        if isinstance(value, str) and "#" not in value and may_call(value):
            found_at[ours] = value
    announces = document.get("authorization_response_iss_parameter_supported") is True
    return Metadata(**found_at, announces_issuer=announces)


async def fetch_metadata(config: OpenIdConfig, client: HttpClient, http_clients: HttpClients) -> Metadata:
    """The provider's metadata: fetched, or as configured. Raises UpstreamError."""
    if config.endpoints is not None:
        return configured_metadata(config.endpoints)
    return read_metadata(config, await fetch_document(config, client), http_clients)


def read_metadata(config: OpenIdConfig, document: JsonObject, http_clients: HttpClients) -> Metadata:
    """The metadata in the provider's document. Raises UpstreamError."""
    mutual = config.certificate_file is not None
    return parse_metadata(document, config.issuer, http_clients.may_call, mutual_tls=mutual)


def configured_metadata(known: EndpointsConfig) -> Metadata:
    """The metadata of a provider that publishes none."""
    return Metadata(
        authorization_endpoint=known.authorization,
        token_endpoint=known.token,
        jwks_uri=known.jwks,
        userinfo_endpoint=known.userinfo,
        end_session_endpoint=known.end_session,
        pushed_endpoint=known.pushed,
        revocation_endpoint=known.revocation,
        check_session_iframe=known.check_session_iframe,
    )


async def fetch_document(config: OpenIdConfig, client: HttpClient) -> JsonObject:
    """The metadata document as the provider publishes it. Raises UpstreamError."""
    url = config.discovery_url or config.issuer.removesuffix("/") + "/.well-known/openid-configuration"
    answer = await client.get(url, limit=MAX_METADATA)
    if not isinstance(answer, HttpResponse) or answer.status != 200:
        raise METADATA.failed(answer)
    document = answer.json()
    if isinstance(document, NotJson):
        raise METADATA.failed(document)
    return document


async def fetch_encryption_keys(url: str, client: HttpClient) -> tuple[EncryptionKey, ...]:
    """The provider's public keys of use `enc`. Raises UpstreamError."""
    answer = await client.get(url, limit=MAX_KEY_SET)
    if not isinstance(answer, HttpResponse) or answer.status != 200:
        raise KEYS.failed(answer)
    document = answer.json()
    if isinstance(document, NotJson):
        raise KEYS.failed(document)
    try:
        return parse_encryption_keys(document)
    except InvalidToken as problem:
        raise UpstreamError(UpstreamFault.KEYS_UNUSABLE, f"keys: {problem.detail}") from None


class KeySource:
    """Source of the provider's public keys; an unchanged key set is not parsed again."""

    def __init__(self, client: HttpClient) -> None:
        """Nothing is fetched yet."""
        self._client = client
        self._text = b""
        self._keys = KeySet()

    async def fetch(self, url: str) -> KeySet:
        """Fetches the keys. Raises UpstreamError for a key set that is too large, invalid, or contains private keys."""
        answer = await self._client.get(url, limit=MAX_KEY_SET)
        if not isinstance(answer, HttpResponse) or answer.status != 200:
            raise KEYS.failed(answer)
        if answer.body != self._text:
            document = answer.json()
            if isinstance(document, NotJson):
                raise KEYS.failed(document)
            try:
                self._keys, self._text = parse_keys(document, upstream=True), answer.body
            except InvalidToken as problem:
                raise UpstreamError(UpstreamFault.KEYS_UNUSABLE, f"keys: {problem.detail}") from None
        return self._keys
