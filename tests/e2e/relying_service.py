"""A relying service: its registration, its client assertions, and its DPoP proofs."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jwt

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


RIDES = "rides"
"""The service that `RIDES_SERVICE` registers: pushed requests and private_key_jwt, bearer tokens."""

RIDES_SERVICE = """
names = { en = "Rides", cy = "Teithiau" }
home = "http://localhost:8002/"
redirect_uris = ["http://localhost:9/rides/callback"]
profile = "oidc"
authentication = "private_key_jwt"
jwks_file = "../../.demo/secrets/rides.jwks.json"
sector = "rides.example"
level = "low"
scopes = ["openid", "profile"]
refresh = true
contact = "Rides, 01632 960 900"
claims = [{ claim = "name", reason = { en = "To address you", cy = "I'ch cyfarch" } }]
"""


@dataclass(slots=True)
class Service:
    """A relying service with its signing key. With `bound` its tokens are bound to the key by DPoP (RFC 9449)."""

    client_id: str
    issuer: str
    redirect_uri: str
    key: str
    kid: str
    bound: bool = False
    nonce: str = ""
    now: Callable[[], float] = time.time

    def assertion(self) -> dict[str, str]:
        """The form parameters of client authentication (RFC 7523 2.2), valid for one use."""
        now = int(self.now())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.issuer,
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + 60,
        }
        signed = jwt.encode(claims, self.key, "ES256", headers={"kid": self.kid})
        return {"client_id": self.client_id, "client_assertion_type": ASSERTION, "client_assertion": signed}

    def proof(self, method: str, url: str, token: str | None = None) -> dict[str, str]:
        """The header with the DPoP proof (RFC 9449 4.2); empty without `bound`."""
        if not self.bound:
            return {}
        claims = {"htm": method, "htu": url, "iat": int(self.now()), "jti": secrets.token_urlsafe(16)}
        if self.nonce:
            claims["nonce"] = self.nonce
        if token is not None:
            claims["ath"] = sha256_base64url(token)
        public = jwt.algorithms.ECAlgorithm.to_jwk(
            jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256).prepare_key(self.key).public_key(),
            as_dict=True,
        )
        head = {"typ": "dpop+jwt", "jwk": {name: public[name] for name in ("kty", "crv", "x", "y")}}
        return {"DPoP": jwt.encode(claims, self.key, "ES256", headers=head)}


def rides(folder: Path, issuer: str) -> Service:
    """The service of `RIDES_SERVICE`; `folder` has the broker's data."""
    return _service(folder, issuer, RIDES, "http://localhost:9/rides/callback", bound=False)


STROLLS_SERVICE = RIDES_SERVICE.replace("rides", "strolls").replace("Rides", "Strolls")
"""A service like `RIDES_SERVICE`, which may ask for another level."""


def strolls(folder: Path, issuer: str) -> Service:
    """The service of `STROLLS_SERVICE`; `folder` has the broker's data."""
    return _service(folder, issuer, "strolls", "http://localhost:9/strolls/callback", bound=False)


def land_register(folder: Path, issuer: str, base: str) -> Service:
    """The example of the profile `fapi2`; `base` is the URL of the sample service."""
    return _service(folder, issuer, "land-register", f"{base}/land-register/callback", bound=True)


def _service(folder: Path, issuer: str, client_id: str, redirect_uri: str, *, bound: bool) -> Service:
    kept = folder / ".demo" / "secrets"
    key, *_ = json.loads((kept / f"{client_id}.jwks.json").read_text())["keys"]
    return Service(client_id, issuer, redirect_uri, (kept / f"{client_id}.pem").read_text(), key["kid"], bound)


def sha256_base64url(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
