"""A provider of the kind `openid` without a network: the test gives every HTTP response."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from joserfc import jwe
from joserfc.jwk import ECKey

from broker.crypto.jose import SigningKey, hash_claim, load_signing_key, new_signing_key_pem, sign
from broker.crypto.jwe_upstream import load_upstream_decryption_key
from broker.model.identity import Identity
from broker.platform.http_client import HttpClients, HttpFailure, HttpResponse
from broker.platform.system import System
from broker.provider import CallbackParameters, ProviderFailure, UpstreamRedirect
from providers import ProviderDependencies
from providers.openid import OpenIdProvider, build
from providers.openid.config_tables import IdentityTokenConfig
from tests.unit.providers.stage import ASK, CALLBACK, CARD, PEM, SECRET, config

ISSUER = "https://op.example"
KEY = load_signing_key(new_signing_key_pem("ES256"), "ES256", "k-1")
OTHER = load_signing_key(new_signing_key_pem("ES256"), "ES256", "k-1")
"""Two keys of the provider that claim the same `kid`."""
ACCESS = "an-access-token"
METADATA = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "userinfo_endpoint": f"{ISSUER}/userinfo",
    "jwks_uri": f"{ISSUER}/jwks",
    "pushed_authorization_request_endpoint": f"{ISSUER}/par",
}
AMINA = {"sub": "amina", "given_name": "Amina", "family_name": "Hughes", "birthdate": "1980-04-12"}


DID = "did:web:identity.example"
IDENTITY_KEY = load_signing_key(new_signing_key_pem("ES256"), "ES256", f"{DID}#k")
DID_METHOD = {
    "id": f"{DID}#k",
    "type": "JsonWebKey",
    "controller": DID,
    "publicKeyJwk": {name: IDENTITY_KEY.jwk[name] for name in ("kty", "crv", "x", "y")},
}
DID_DOCUMENT = {"id": DID, "verificationMethod": [DID_METHOD], "assertionMethod": [f"{DID}#k"]}
IDENTITY_CLAIM = "https://vocab.example/identity"
IDENTITY_ISSUER = "https://identity.example/"
IDENTITY_TABLE = IdentityTokenConfig(IDENTITY_CLAIM, issuer=IDENTITY_ISSUER, did=DID)


def answer(body: object, status: int = 200, media_type: str = "application/json") -> HttpResponse:
    """An answer; a text or bytes as they are, everything else as JSON."""
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return HttpResponse(status, {"content-type": media_type}, raw)


def key_set(*keys: SigningKey) -> HttpResponse:
    """These keys as their owner publishes them."""
    return answer({"keys": [dict(key.jwk) for key in keys]})


def own_file(path: Path) -> bytes:
    """The broker's key, or its secret."""
    return PEM if path.suffix == ".pem" else f"{SECRET}\n".encode()


def compact(*parts: object) -> str:
    """Parts in base64url, joined by dots; a mapping as JSON."""
    raw = (part if isinstance(part, bytes) else json.dumps(part).encode() for part in parts)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in raw)


class Silent:
    """An `HttpClients` whose only client is the wire."""

    development = False

    def __init__(self, wire: "Wire") -> None:
        self._wire = wire

    def client(self, _name: str, **_options: object) -> "Wire":
        return self._wire

    def may_call(self, url: str) -> bool:
        return url.startswith("https://")


@dataclass(slots=True)
class Wire:
    """What each endpoint answers. The token endpoint's answer is made of `claims` and `header` unless one is given.

    Claims of value None are left out. `payload` is signed in the place of claims.
    """

    system: System
    metadata: HttpResponse | HttpFailure = field(default_factory=lambda: answer(METADATA))
    keys: HttpResponse | HttpFailure = field(default_factory=lambda: key_set(KEY))
    par: HttpResponse | HttpFailure = field(
        default_factory=lambda: answer({"request_uri": "urn:example:r-1", "expires_in": 60}, 201)
    )
    token: HttpResponse | HttpFailure | None = None
    tokens: dict[str, Any] = field(default_factory=dict)
    userinfo: HttpResponse | HttpFailure = field(default_factory=lambda: answer(AMINA))
    key: SigningKey = KEY
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    payload: bytes | None = None
    nonce: str = ""
    sources: dict[str, HttpResponse | HttpFailure] = field(default_factory=dict)
    did: HttpResponse | HttpFailure = field(default_factory=lambda: answer(DID_DOCUMENT))
    proves: bool = False
    identity: object = ...
    identity_key: SigningKey = IDENTITY_KEY
    identity_kid: str | None = f"{DID}#k"
    said: dict[str, Any] = field(default_factory=dict)
    nonces: list[str] = field(default_factory=list)
    hidden: bool = False
    asked: list[str] = field(default_factory=list)
    forms: list[Mapping[str, str]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    async def get(
        self, url: str, headers: Mapping[str, str] | None = None, **_options: object
    ) -> HttpResponse | HttpFailure:
        self.asked.append(url.removeprefix(ISSUER))
        if url in self.sources:
            self.headers.append(headers or {})
            return self.sources[url]
        if url.endswith("/userinfo"):
            self.headers.append(headers or {})
            if self.proves:
                return answer({**AMINA, IDENTITY_CLAIM: self.made_identity_token()})
            return self.demand() or self.userinfo
        if url.endswith("/did.json"):
            return self.did
        return self.keys if url.endswith("/jwks") else self.metadata

    async def post(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None, **_options: object
    ) -> HttpResponse | HttpFailure:
        self.asked.append(url.removeprefix(ISSUER))
        self.forms.append(form)
        self.headers.append(headers or {})
        if (demanded := self.demand()) is not None:
            return demanded
        if url.endswith("/par"):
            return self.par
        if url.endswith("/userinfo"):
            return self.userinfo
        if self.token is not None:
            return self.token
        token = self.made_id_token()
        kind = "DPoP" if "DPoP" in self.headers[-1] else "Bearer"
        id_token = encrypted(token) if self.hidden else token
        return answer({"access_token": ACCESS, "token_type": kind, "id_token": id_token, **self.tokens})

    def made_identity_token(self) -> object:
        """The second token of this sign-in: as given, or made of what is said in it."""
        if self.identity is not ...:
            return self.identity
        now = int(self.system.now())
        claims = {"iss": IDENTITY_ISSUER, "sub": "amina", "aud": "portico", "exp": now + 300, "nbf": now, **self.said}
        kept = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": "ES256", "kid": self.identity_kid}
        return self.signed(header, kept, self.identity_key)

    def demand(self) -> HttpResponse | None:
        """The next response `use_dpop_nonce`, as long as there are nonces."""
        if not self.nonces:
            return None
        refused = answer({"error": "use_dpop_nonce"}, 400)
        return replace(refused, headers={**refused.headers, "dpop-nonce": self.nonces.pop(0)})

    def made_id_token(self) -> str:
        """The ID token of this sign-in."""
        now = int(self.system.now())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "sub": "amina",
            "aud": "portico",
            "iat": now,
            "exp": now + 300,
            "auth_time": now,
            "nonce": self.nonce,
            "acr": "eid:high",
            "at_hash": hash_claim(ACCESS, "ES256"),
            **self.claims,
        }
        said = {name: value for name, value in claims.items() if value is not None}
        if self.payload is None and not self.header:
            return sign(said, self.key)
        return self.signed({"alg": self.key.alg, "kid": self.key.kid, **self.header}, self.payload or said)

    def signed(self, header: Mapping[str, Any], payload: object, key: SigningKey | None = None) -> str:
        """A JWS with any header over any payload."""
        # the signature is made by the product's code; only the part before the last dot is replaced
        from broker.crypto.jose.algorithms import ALGORITHMS

        named = {name: value for name, value in header.items() if value is not None}
        before = compact(named, payload)
        key = key or self.key
        return f"{before}.{compact(ALGORITHMS[key.alg].sign(before.encode(), key.private))}"

    def provider(self, **changes: Any) -> OpenIdProvider:
        """A provider with nothing in its caches."""
        dependencies = ProviderDependencies(cast(HttpClients, Silent(self)), self.system, own_file)
        return build(CARD, config(ISSUER, **changes), dependencies)

    async def sign_in(
        self, provider: OpenIdProvider, parameters: Mapping[str, str] | None = None, **ask: Any
    ) -> Identity | ProviderFailure:
        """A whole sign-in: the citizen comes back with a code, or with these parameters."""
        departure = await provider.begin(replace(ASK, **ask))
        if not isinstance(departure, UpstreamRedirect):
            return departure
        self.nonce = departure.provider_state["nonce"]
        return await provider.complete(
            departure.provider_state, CallbackParameters(parameters or {"code": "a-code"}, CALLBACK)
        )


def encrypted(text: str, **header: str) -> str:
    """A token encrypted to the broker's key, by the provider."""
    public = ECKey.import_key(dict(load_upstream_decryption_key(PEM, "ECDH-ES").jwk))
    head = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", **header}
    return jwe.encrypt_compact(head, text.encode(), public, [head["alg"], head["enc"]])


JWE = compact({"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": "k"}, b"key", b"iv", b"text", b"tag")
"""An encrypted token (JWE) in compact form, for a key that is unknown."""
