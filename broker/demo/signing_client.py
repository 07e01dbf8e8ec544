"""A service's key in the demonstration: client assertions (private_key_jwt) and DPoP proofs of the profile `fapi2`."""

import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Self

import httpx2
from joserfc import jwt
from joserfc.jwk import ECKey

ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(slots=True)
class SigningClient:
    """A client of the broker with its key, and the last DPoP nonce that the broker gave."""

    issuer: str
    client_id: str
    key: ECKey
    kid: str
    nonce: str = ""

    @classmethod
    def of(cls, issuer: str, client_id: str, folder: Path) -> Self | None:
        """The client whose key lies in the folder; None if the configuration has no such service."""
        private, public = folder / f"{client_id}.pem", folder / f"{client_id}.jwks.json"
        if not private.exists():
            return None
        kid = json.loads(public.read_text("utf-8"))["keys"][0]["kid"]
        return cls(issuer, client_id, ECKey.import_key(private.read_text("utf-8")), kid)

    async def send(self, client: httpx2.AsyncClient, path: str, form: Mapping[str, str]) -> tuple[int, Any]:
        """Posts a form with client authentication and a DPoP proof, once more if the broker gives a nonce first."""
        for _ in range(2):
            known = {"client_id": self.client_id, "client_assertion_type": ASSERTION}
            sent = {**form, **known, "client_assertion": self._assertion()}
            answer = await client.post(f"{self.issuer}{path}", data=sent, headers=self.proof("POST", path))
            self.nonce = answer.headers.get("DPoP-Nonce", self.nonce)
            if answer.status_code < 400:
                break
        return answer.status_code, answer.json()

    def proof(self, method: str, path: str, token: str = "") -> dict[str, str]:
        """The header with a DPoP proof (RFC 9449 4.2)."""
        claims = {"htm": method, "htu": f"{self.issuer}{path}", "iat": int(time.time())}
        more = {"jti": secrets.token_urlsafe(16), **({"nonce": self.nonce} if self.nonce else {})}
        if token:
            more["ath"] = base64url_sha256(token)
        whole = self.key.as_dict(private=False)
        public = {name: whole[name] for name in ("kty", "crv", "x", "y")}
        return {"DPoP": jwt.encode({"alg": "ES256", "typ": "dpop+jwt", "jwk": public}, claims | more, self.key)}

    def _assertion(self) -> str:
        now = int(time.time())
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": self.issuer, "iat": now, "exp": now + 60}
        return jwt.encode({"alg": "ES256", "kid": self.kid}, claims | {"jti": secrets.token_urlsafe(16)}, self.key)


def base64url_sha256(text: str) -> str:
    """The digest of a token or of a PKCE verifier, as RFC 9449 and RFC 7636 write it."""
    return urlsafe_b64encode(sha256(text.encode("ascii")).digest()).rstrip(b"=").decode("ascii")
