"""DPoP at a provider (RFC 9449): proofs of possession for its endpoints, and the nonces that it supplies.

A provider may answer `use_dpop_nonce` with a nonce. Then the call is repeated once, also one with an authorization
code: the provider rejects such a request before it uses the code (RFC 9449 8, decision 0060).
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Final

from broker.crypto.jose import SigningKey, derive_signing_key, sign_embedded, thumbprint
from broker.model.json_types import JsonObject
from broker.platform import base64url
from broker.platform.http_client import HttpClient, HttpFailure, HttpResponse, NotJson
from broker.platform.system import System
from providers.openid.client_authentication import Credentials
from providers.openid.config_tables import DpopConfig
from providers.openid.metadata import Metadata

PROOF_KEY: Final = "dpop"
"""Field of an attempt's state: the secret of its key."""

SECRET_SIZE: Final = 40
EXPIRY: Final = 120
MAX_NONCES: Final = 16
_NONCE: Final = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]{1,1024}", re.ASCII)
"""Syntax of a nonce (RFC 9449 8.1). A longer or other one is ignored."""


class DpopCalls:
    """Calls with DPoP proofs. Nonces are kept for each endpoint, in this process."""

    token_type: Final = "dpop"

    def __init__(
        self, client: HttpClient, credentials: Credentials, config: DpopConfig, key: SigningKey | None, system: System
    ) -> None:
        """`key` is the configured key; None: one is made for each attempt."""
        self._client = client
        self._credentials = credentials
        self._config = config
        self._key = key
        self._system = system
        self._nonces: dict[str, str] = {}

    def prepare(self) -> JsonObject:
        """The secret of the attempt's key: `begin` and `complete` may run in two processes."""
        if self._key is not None:
            return {}
        return {PROOF_KEY: base64url.encode(self._system.random_bytes(SECRET_SIZE))}

    def key_parameters(self, note: JsonObject) -> Mapping[str, str]:
        """`dpop_jkt` (RFC 9449 10), unless a proof at the pushed request names the key."""
        return {"dpop_jkt": thumbprint(self._own(note).jwk)} if self._config.jkt else {}

    async def post(
        self, metadata: Metadata, endpoint: str, form: Mapping[str, str], note: JsonObject
    ) -> HttpResponse | HttpFailure:
        """Sends the form; once more if the provider demands its nonce. Client authentication is made again.

        Without the state of an attempt there is no key, and no proof: to revoke a token none is needed (RFC 7009).
        """
        if (endpoint == metadata.pushed_endpoint and not self._config.at_par) or not (self._key or PROOF_KEY in note):
            fields, headers = self._credentials(endpoint, metadata.token_endpoint)
            return await self._client.post(endpoint, {**form, **fields}, headers)
        key = self._own(note)
        for last in (False, True):
            fields, headers = self._credentials(endpoint, metadata.token_endpoint)
            proof = {"DPoP": self._proof(key, "POST", endpoint)}
            answer = await self._client.post(endpoint, {**form, **fields}, {**headers, **proof})
            if last or not self._takes_nonce(endpoint, answer):
                break
        return answer

    async def get(self, endpoint: str, access_token: str, note: JsonObject) -> HttpResponse | HttpFailure:
        """Sends the request; once more if the provider demands its nonce."""
        return await self._fetch("GET", endpoint, access_token, note)

    async def get_by_post(self, endpoint: str, access_token: str, note: JsonObject) -> HttpResponse | HttpFailure:
        """Sends an empty form; once more if the provider demands its nonce."""
        return await self._fetch("POST", endpoint, access_token, note)

    async def _fetch(
        self, method: str, endpoint: str, access_token: str, note: JsonObject
    ) -> HttpResponse | HttpFailure:
        key = self._own(note)
        for last in (False, True):
            proof = self._proof(key, method, endpoint, access_token)
            headers = {"Authorization": f"DPoP {access_token}", "DPoP": proof}
            if method == "GET":
                answer = await self._client.get(endpoint, headers)
            else:
                answer = await self._client.post(endpoint, {}, headers)
            if last or not self._takes_nonce(endpoint, answer):
                break
        return answer

    def _own(self, note: JsonObject) -> SigningKey:
        return self._key or derive_signing_key(base64url.decode(str(note[PROOF_KEY])))

    def _proof(self, key: SigningKey, method: str, endpoint: str, access_token: str = "") -> str:
        """RFC 9449 4.2. `htu` is the endpoint without query and fragment."""
        now = int(self._system.now())
        claims: dict[str, object] = {
            "jti": self._system.random_bytes(16).hex(),
            "htm": method,
            "htu": endpoint.partition("?")[0],
            "iat": now,
        }
        if self._config.expiry:
            claims["exp"] = now + EXPIRY
        if access_token:
            claims["ath"] = base64url.encode(hashlib.sha256(access_token.encode("ascii")).digest())
        if (nonce := self._nonces.get(endpoint)) is not None:
            claims["nonce"] = nonce
        return sign_embedded(claims, key, "dpop+jwt")

    def _takes_nonce(self, endpoint: str, answer: HttpResponse | HttpFailure) -> bool:
        """Stores a nonce that came with the response. Returns whether the response demands it (8, 9)."""
        if not isinstance(answer, HttpResponse):
            return False
        nonce = answer.headers.get("dpop-nonce", "")
        if not _NONCE.fullmatch(nonce):
            return False
        if endpoint not in self._nonces and len(self._nonces) >= MAX_NONCES:
            self._nonces.clear()
        self._nonces[endpoint] = nonce
        return demands_nonce(answer)


def demands_nonce(answer: HttpResponse) -> bool:
    """Whether a response is `use_dpop_nonce`: in its JSON (RFC 9449 8), or in `WWW-Authenticate` (9)."""
    if answer.status not in (400, 401):
        return False
    if 'error="use_dpop_nonce"' in answer.headers.get("www-authenticate", ""):
        return True
    document = answer.json()
    return not isinstance(document, NotJson) and document.get("error") == "use_dpop_nonce"
