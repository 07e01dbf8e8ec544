"""Aggregated and distributed claims (OpenID Connect Core 5.6.2): claims that another party than the provider asserts.

A response names the source of such a claim: a token in the response itself, or an endpoint that returns one. Only the
sources of the settings are believed, each for the claims listed for it, with the signature of its own keys. The name
and the address in a response select among these sources, and nothing else is called. A source that does not answer
leaves its claims out: that is no outage of the provider.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from broker.crypto.jose import KeySet, claimed
from broker.crypto.jwe_upstream import DecryptionPolicy
from broker.model.json_types import JsonObject
from broker.platform.http_client import HttpClient, HttpResponse
from broker.platform.refreshing_cache import RefreshingCache
from broker.platform.system import System
from providers.openid.config import OpenIdConfig
from providers.openid.config_tables import AcceptedForm, ClaimSourceConfig
from providers.openid.describe import describe_identifier
from providers.openid.documents import Documents
from providers.openid.errors import CLAIM_SOURCE, UpstreamError, UpstreamFault
from providers.openid.metadata import CACHE_POLICY, KeySource
from providers.openid.token_claims import TokenClaims, check_token_claims
from providers.openid.token_opening import TokenOpener, TokenPolicy

LOG: Final = logging.getLogger("portico.providers")

NAMES, SOURCES = "_claim_names", "_claim_sources"
MAX_SOURCES: Final = 4
"""Maximum number of sources of one response that are used."""
MAX_ANSWER: Final = 65_536
"""Maximum size of the response of a source in bytes."""
NOTHING: Final[JsonObject] = MappingProxyType({})
_TOKEN: Final = re.compile(r"[\x21-\x7E]{1,4096}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Source:
    """A source of the settings: its issuer, its table, and what opens its tokens."""

    issuer: str
    table: ClaimSourceConfig
    opener: TokenOpener


class _NoAnswer(Exception):
    """A source did not answer with a token."""


class ClaimSources:
    """Reads the claims of other parties in the responses of one provider."""

    def __init__(self, config: OpenIdConfig, client: HttpClient, system: System) -> None:
        """`client` is the connection pool to the sources, which have no certificate or header of the provider's."""
        self._config = config
        self._client = client
        self._system = system
        self._sources = {issuer: self._source(issuer, table) for issuer, table in config.claim_sources.items()}
        self._by_host = {host: one for one in self._sources.values() for host in one.table.hosts}

    def _source(self, issuer: str, table: ClaimSourceConfig) -> _Source:
        keys = KeySource(self._client)

        async def fetch() -> KeySet:
            try:
                return await keys.fetch(table.keys_url)
            except UpstreamError as problem:
                raise UpstreamError(UpstreamFault.CLAIM_SOURCE_UNPROVEN, problem.failure.detail) from None

        policy = TokenPolicy(AcceptedForm.SIGNED, table.algorithms, DecryptionPolicy((), ()), CLAIM_SOURCE)
        cache: RefreshingCache[KeySet] = RefreshingCache(fetch, self._system, CACHE_POLICY)
        return _Source(issuer, table, TokenOpener(policy, cache, (), self._system))

    async def read(self, documents: Documents) -> JsonObject:
        """The claims that the sources of the ID token and of the userinfo response assert. Raises UpstreamError."""
        found: dict[str, object] = {}
        for names, described in _referenced(documents):
            try:
                found |= await self._claims(names, described)
            except _NoAnswer as problem:
                LOG.info("claim_source_failed", extra={"issuer": self._config.issuer, "detail": str(problem)})
        return found

    async def _claims(self, names: frozenset[str], described: JsonObject) -> JsonObject:
        """The claims with these names of one source. Raises UpstreamError and _NoAnswer."""
        text = described.get("JWT")
        if isinstance(text, str):
            source = self._sources.get(claimed(text, "iss") or "")
        else:
            source = self._by_host.get(_host(described.get("endpoint")))
        if source is None or not names <= frozenset(source.table.claims):
            where = "a token" if isinstance(text, str) else describe_identifier(described.get("endpoint"))
            fix = "list the source, its hosts and its claims in [openid.claim_sources]"
            detail = f"claims {', '.join(sorted(names))[:200]} of {where}: not permitted: {fix}"
            raise UpstreamError(UpstreamFault.CLAIM_SOURCE_UNKNOWN, detail)
        if not isinstance(text, str):
            text = await self._fetch(str(described["endpoint"]), described.get("access_token"))
        verified = await source.opener.open(text)
        expected = TokenClaims(
            "claim source",
            issuer=source.issuer,
            audience=self._config.client_id,
            now=self._system.now(),
            skew=self._config.clock_skew,
            required=frozenset({"iss"}),
        )
        check_token_claims(verified.claims, expected, _refused)
        return {name: verified.claims[name] for name in names if name in verified.claims}

    async def _fetch(self, endpoint: str, access_token: object) -> str:
        """The token of an endpoint (5.6.2.2). Raises _NoAnswer."""
        headers = {}
        if isinstance(access_token, str) and _TOKEN.fullmatch(access_token):
            headers = {"Authorization": f"Bearer {access_token}"}
        answer = await self._client.get(endpoint, headers, limit=MAX_ANSWER)
        if not isinstance(answer, HttpResponse):
            raise _NoAnswer(f"{type(answer).__name__}: {answer.detail}")
        if answer.status != 200:
            raise _NoAnswer(f"status {answer.status}")
        return answer.body.strip().decode("ascii", "replace")


def _referenced(documents: Documents) -> Iterator[tuple[frozenset[str], JsonObject]]:
    """The names of claims and the description of each source in the documents, `MAX_SOURCES` at most."""
    count = 0
    for document in (documents.id_token, documents.userinfo):
        names, sources = document.get(NAMES), document.get(SOURCES)
        if not isinstance(names, Mapping) or not isinstance(sources, Mapping):
            continue
        for label, described in sources.items():
            claims = frozenset(name for name, source in names.items() if source == label)
            if not claims or not isinstance(described, Mapping):
                continue
            count += 1
            if count > MAX_SOURCES:
                raise UpstreamError(UpstreamFault.CLAIM_SOURCE_UNKNOWN, f"more than {MAX_SOURCES} sources of claims")
            yield claims, described


def _host(endpoint: object) -> str:
    """The host of an https URL without credentials; empty for any other value."""
    if not isinstance(endpoint, str):
        return ""
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError:
        return ""
    plain = parts.scheme == "https" and "@" not in parts.netloc and not parts.fragment and port in (None, 443)
    return (parts.hostname or "") if plain else ""


def _refused(detail: str) -> UpstreamError:
    return UpstreamError(UpstreamFault.CLAIM_SOURCE_UNPROVEN, detail)
