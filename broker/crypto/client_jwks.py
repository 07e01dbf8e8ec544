"""A service's public keys where the service shows them: fetched from its `jwks_uri` (RFC 7591 2) and kept."""

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
"""Seconds for which keys are used without asking again, at least and at most, whatever `Cache-Control` says."""
GRACE: Final = 6 * 3600.0
"""Seconds for which they are used beyond that, while asking again fails."""
RETRY: Final = 15.0
"""Seconds after a failed fetch in which no other is tried."""
COOL_DOWN: Final = 60.0
"""Seconds between two fetches because a key was not found: nobody can make us ask more often by making up key ids."""

LOG = logging.getLogger("portico.keys")

_MAX_AGE: Final = re.compile(r'(?:^|,)[ \t]*max-age="?([0-9]{1,10})"?[ \t]*(?:,|$)', re.IGNORECASE | re.ASCII)
_NO_CACHE: Final = re.compile(r"(?:^|,)[ \t]*no-(?:store|cache)\b", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class FetchedJwks:
    """Keys as they were shown, and for how many seconds they may be used without asking again.

    `theirs` are those of `use` enc, which the service can be written to.
    """

    keys: KeySet
    encryption_keys: Sequence[EncryptionKey]
    fresh: float


def max_age(cache_control: str) -> float:
    """For how many seconds an answer may be used without asking again (RFC 9111 5.2.2), within our bounds."""
    found = _MAX_AGE.search(cache_control)
    if found is None or _NO_CACHE.search(cache_control) is not None:
        return MIN_MAX_AGE
    return min(max(float(found[1]), MIN_MAX_AGE), MAX_MAX_AGE)


class ClientJwks:
    """The keys of one service. What was good last is kept while the other side is away, hangs, or answers rubbish."""

    def __init__(self, client_id: str, url: str, client: HttpClient, system: System) -> None:
        """Nothing is fetched yet."""
        self.url = url
        self._client_id = client_id
        self._client = client
        self._kept = RefreshingCache(
            self._fetch, system, CachePolicy(lambda shown: shown.fresh, GRACE, RETRY, COOL_DOWN)
        )
        self._text = b""
        self._keys = KeySet()
        self._theirs: Sequence[EncryptionKey] = ()
        self._away = False

    def prefetch(self) -> None:
        """Begins a first fetch that nobody waits for."""
        self._kept.prefetch()

    async def keys(self, proof: str | Certificate) -> KeySet:
        """The keys to verify a token with or to know a certificate by, fetched again if none of those kept fits it.

        Raises FetchFailed without any.
        """
        shown = await self._kept.get()
        known = proof.holds_key_of(shown.keys) if isinstance(proof, Certificate) else not lacks_key(proof, shown.keys)
        if known:
            return shown.keys
        try:
            return (await self._kept.refresh_if_same(shown)).keys
        except FetchFailed:
            return shown.keys

    async def encryption_keys(self, alg: str) -> Sequence[EncryptionKey]:
        """The keys that the service can be written to, fetched again if none of those kept serves this algorithm.

        Raises FetchFailed without any.
        """
        shown = await self._kept.get()
        if any(alg in key.algorithms for key in shown.encryption_keys):
            return shown.encryption_keys
        try:
            return (await self._kept.refresh_if_same(shown)).encryption_keys
        except FetchFailed:
            return shown.encryption_keys

    async def _fetch(self) -> FetchedJwks:
        try:
            shown = await self._ask()
        except FetchFailed as missed:
            if not self._away:
                LOG.warning("client_jwks_unavailable", extra={"client_id": self._client_id, "detail": str(missed)})
            self._away = True
            raise
        if self._away:
            LOG.warning("client_jwks_recovered", extra={"client_id": self._client_id})
        self._away = False
        return shown

    async def _ask(self) -> FetchedJwks:
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
                self._keys, self._theirs = parse_keys(document), parse_encryption_keys(document)
                self._text = answer.body
            except InvalidToken as problem:
                raise FetchFailed(problem.detail) from None
        return FetchedJwks(self._keys, self._theirs, max_age(answer.headers.get("cache-control", "")))
