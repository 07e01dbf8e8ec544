"""Public keys of a service, fetched from its `jwks_uri` (RFC 7591 2) and cached."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from broker.crypto.jose import MAX_KEY_SET, Certificate, InvalidToken, KeySet, lacks_key, parse_keys
from broker.crypto.jwe import EncryptionKey, parse_encryption_keys
from broker.platform.http_client import HttpClient, HttpResponse, NotJson
from broker.platform.refreshing_cache import CachePolicy, FetchFailed, RefreshingCache
from broker.platform.system import System

MIN_MAX_AGE: Final = 300.0
MAX_MAX_AGE: Final = 86_400.0
"""Minimum and maximum time in seconds for which keys are cached, regardless of `Cache-Control`."""
GRACE: Final = 6 * 3600.0
"""Additional time in seconds for which cached keys are used while fetching fails."""
RETRY: Final = 15.0
"""Time in seconds after a failed fetch before the next one."""
COOL_DOWN: Final = 60.0
"""Time in seconds between two fetches for unknown keys, so that invented key ids cannot cause more of them."""

LOG = logging.getLogger("portico.keys")

_MAX_AGE: Final = re.compile(r'(?:^|,)[ \t]*max-age="?([0-9]{1,10})"?[ \t]*(?:,|$)', re.IGNORECASE | re.ASCII)
_NO_CACHE: Final = re.compile(r"(?:^|,)[ \t]*no-(?:store|cache)\b", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class FetchedJwks:
    """Keys as fetched, and for how many seconds they may be cached.

    `encryption_keys` are those of `use` enc, which the broker may encrypt to.
    """

    keys: KeySet
    encryption_keys: Sequence[EncryptionKey]
    fresh: float


def max_age(cache_control: str) -> float:
    """Time in seconds for which a response may be cached (RFC 9111 5.2.2), within the limits of this module."""
    found = _MAX_AGE.search(cache_control)
    if found is None or _NO_CACHE.search(cache_control) is not None:
        return MIN_MAX_AGE
    return min(max(float(found[1]), MIN_MAX_AGE), MAX_MAX_AGE)


class ClientJwks:
    """Keys of one service. The last valid keys stay in use while the service is unreachable or sends an invalid
    response.
    """

    def __init__(self, client_id: str, url: str, client: HttpClient, system: System) -> None:
        """Creates the cache without fetching."""
        self.url = url
        self._client_id = client_id
        self._client = client
        self._cache = RefreshingCache(
            self._fetch, system, CachePolicy(lambda fetched: fetched.fresh, GRACE, RETRY, COOL_DOWN)
        )
        self._text = b""
        self._keys = KeySet()
        self._encryption_keys: Sequence[EncryptionKey] = ()
        self._unavailable = False

    def prefetch(self) -> None:
        """Starts the first fetch in the background."""
        self._cache.prefetch()

    async def keys(self, proof: str | Certificate) -> KeySet:
        """Keys to verify a token or certificate with, fetched again if no cached key matches it.

        Raises FetchFailed if there are none.
        """
        fetched = await self._cache.get()
        known = (
            proof.holds_key_of(fetched.keys) if isinstance(proof, Certificate) else not lacks_key(proof, fetched.keys)
        )
        if known:
            return fetched.keys
        try:
            return (await self._cache.refresh_if_same(fetched)).keys
        except FetchFailed:
            return fetched.keys

    async def encryption_keys(self, alg: str) -> Sequence[EncryptionKey]:
        """Encryption keys of the service, fetched again if no cached key supports this algorithm.

        Raises FetchFailed if there are none.
        """
        fetched = await self._cache.get()
        if any(alg in key.algorithms for key in fetched.encryption_keys):
            return fetched.encryption_keys
        try:
            return (await self._cache.refresh_if_same(fetched)).encryption_keys
        except FetchFailed:
            return fetched.encryption_keys

    async def _fetch(self) -> FetchedJwks:
        try:
            fetched = await self._download()
        except FetchFailed as missed:
            if not self._unavailable:
                LOG.warning("client_jwks_unavailable", extra={"client_id": self._client_id, "detail": str(missed)})
            self._unavailable = True
            raise
        if self._unavailable:
            LOG.warning("client_jwks_recovered", extra={"client_id": self._client_id})
        self._unavailable = False
        return fetched

    async def _download(self) -> FetchedJwks:
        answer = await self._client.get(self.url, limit=MAX_KEY_SET)
        if not isinstance(answer, HttpResponse):
            raise FetchFailed(f"{type(answer).__name__}: {answer.detail}")
        if answer.status != 200:
            raise FetchFailed(f"status {answer.status}")
        if answer.body != self._text:
            document = answer.json()
            if isinstance(document, NotJson):
                raise FetchFailed(document.detail)
            try:
                self._keys, self._encryption_keys = parse_keys(document), parse_encryption_keys(document)
                self._text = answer.body
            except InvalidToken as problem:
                raise FetchFailed(problem.detail) from None
        return FetchedJwks(self._keys, self._encryption_keys, max_age(answer.headers.get("cache-control", "")))
