"""DID document of the method `did:web`: the keys with which a provider asserts identities (DID 1.0, did:web).

Only the keys listed under `assertionMethod` are used. Each has to belong to the document: its `id` begins with the DID,
and its `controller` is the DID.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from broker.crypto.jose import InvalidToken, KeySet, parse_keys
from broker.model.json_types import JsonObject
from broker.platform.http_client import HttpClient, HttpResponse, NotJson
from providers.openid.errors import DID, UpstreamError, UpstreamFault

MAX_DOCUMENT: Final = 131_072
MAX_METHODS: Final = 64
DEFAULT_FRESH: Final = 300.0
LONGEST_FRESH: Final = 86_400.0
_DID: Final = re.compile(r"did:web:[A-Za-z0-9.%-]+(?::[A-Za-z0-9._%~-]+)*", re.ASCII)
_MAX_AGE: Final = re.compile(r"(?:^|[,\s])max-age=([0-9]{1,9})", re.ASCII | re.IGNORECASE)


def document_url(did: str) -> str | None:
    """The URL of a DID's document (did:web 3.2); None for another text than a DID of this method."""
    if not _DID.fullmatch(did):
        return None
    host, *path = (unquote(part) for part in did.removeprefix("did:web:").split(":"))
    return f"https://{host}/{'/'.join(path)}/did.json" if path else f"https://{host}/.well-known/did.json"


class DidKeySource:
    """Source of the keys of a DID; `fresh` is how long the last document may be used without asking again."""

    def __init__(self, client: HttpClient, did: str) -> None:
        """Nothing is fetched yet. Raises ValueError for another text than a DID of the method `did:web`."""
        url = document_url(did)
        if url is None:
            raise ValueError(f"{did} is no DID of the method did:web")
        self._client = client
        self._did = did
        self._url = url
        self.fresh = DEFAULT_FRESH

    async def fetch(self) -> KeySet:
        """Fetches the keys. Raises UpstreamError."""
        answer = await self._client.get(self._url, limit=MAX_DOCUMENT)
        if not isinstance(answer, HttpResponse) or answer.status != 200:
            raise DID.failed(answer)
        document = answer.json()
        if isinstance(document, NotJson):
            raise DID.failed(document)
        keys = read_document(document, self._did)
        self.fresh = max_age(answer.headers.get("cache-control", ""))
        return keys


def max_age(cache_control: str) -> float:
    """The lifetime that a response permits, in seconds (RFC 9111 5.2.2.1), within bounds."""
    found = _MAX_AGE.search(cache_control)
    return DEFAULT_FRESH if found is None else max(DEFAULT_FRESH, min(float(found[1]), LONGEST_FRESH))


def read_document(document: JsonObject, did: str) -> KeySet:
    """The keys of the document's assertion methods, by their whole `id`. Raises UpstreamError."""
    if document.get("id") != did:
        raise _unusable("id is not the DID")
    methods, assertion = document.get("verificationMethod", []), document.get("assertionMethod")
    if not isinstance(methods, list) or not isinstance(assertion, list) or len(methods) + len(assertion) > MAX_METHODS:
        raise _unusable(f"no list of at most {MAX_METHODS} assertion methods")
    by_id = {_full(one.get("id"), did): one for one in methods if isinstance(one, dict)}
    keys = []
    for entry in assertion:
        method = by_id.get(_full(entry, did)) if isinstance(entry, str) else entry
        if not isinstance(method, dict):
            raise _unusable("an assertion method is missing")
        keys.append(_key(method, did))
    try:
        found = parse_keys({"keys": keys}, upstream=True)
    except InvalidToken as problem:
        raise _unusable(problem.detail) from None
    if not found.keys:
        raise _unusable("no usable key")
    return found


def _key(method: Mapping[str, object], did: str) -> JsonObject:
    name, jwk = _full(method.get("id"), did), method.get("publicKeyJwk")
    if not name.startswith(f"{did}#") or method.get("controller") != did:
        raise _unusable("an assertion method belongs to another DID")
    if not isinstance(jwk, dict):
        raise _unusable("an assertion method has no publicKeyJwk")
    return {**jwk, "kid": name}


def _full(name: object, did: str) -> str:
    """The whole id of a method; a relative one begins with `#` (DID 1.0 3.2.2)."""
    text = name if isinstance(name, str) else ""
    return f"{did}{text}" if text.startswith("#") else text


def _unusable(detail: str) -> UpstreamError:
    return UpstreamError(UpstreamFault.DID_UNUSABLE, f"{DID.name}: {detail}")
