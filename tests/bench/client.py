"""The relying service in the driver: its keys, its assertions, its DPoP proofs."""

import hashlib
import os
import time
from urllib.parse import quote

from tests.bench.signing import Key, base64

ASSERTION_TYPE = b"urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"


def handle() -> str:
    """A new random value."""
    return os.urandom(16).hex()


class Client:
    """One relying service as a server knows it: client id, redirect URI, signing key."""

    def __init__(self, client_id: str, redirect_uri: str, audience: str, *, dpop: bool = False) -> None:
        """`audience` is whom its assertions are meant for; with `dpop` its tokens are bound to a key."""
        self.client_id = client_id
        self.redirect_uri = redirect_uri
        self.key = Key()
        self._audience = audience
        self._head = self.key.head(kid=self.key.thumbprint)
        self._proof_key = Key() if dpop else None
        self._proof_head = self._proof_key.head(typ="dpop+jwt", jwk=self._proof_key.bare) if self._proof_key else b""
        self.nonce: str | None = None
        """The server's newest nonce for proofs."""
        self.jkt = self._proof_key.thumbprint if self._proof_key else None

    @property
    def bound(self) -> bool:
        """Whether tokens are bound to a key."""
        return self._proof_key is not None

    def authentication(self) -> bytes:
        """The form members that prove who is calling (RFC 7523 2.2)."""
        now = int(time.time())
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": self._audience}
        assertion = self.key.sign(self._head, {**claims, "jti": handle(), "iat": now, "exp": now + 60})
        return b"client_id=%s&client_assertion_type=%s&client_assertion=%s" % (
            self.client_id.encode(),
            ASSERTION_TYPE,
            assertion,
        )

    def proof(self, method: str, url: str, token: str | None = None) -> bytes:
        """The header line with a proof for one request (RFC 9449 4); nothing for bearer tokens."""
        if self._proof_key is None:
            return b""
        claims = {"htm": method, "htu": url, "iat": int(time.time()), "jti": handle(), "nonce": self.nonce or ""}
        if token is not None:
            claims["ath"] = base64(hashlib.sha256(token.encode()).digest()).decode()
        return b"DPoP: %s\r\n" % self._proof_key.sign(self._proof_head, claims)

    def pushed(self, state: str, verifier: str, scope: str) -> bytes:
        """The form of a pushed request (RFC 9126 2.1)."""
        challenge = base64(hashlib.sha256(verifier.encode()).digest())
        bound = b"&dpop_jkt=%s" % self.jkt.encode() if self.jkt else b""
        asked = b"&response_type=code&redirect_uri=%s&scope=%s&state=%s&nonce=%s&code_challenge=%s&" % (
            quote(self.redirect_uri, safe="").encode(),
            quote(scope).encode(),
            state.encode(),
            handle().encode(),
            challenge,
        )
        return self.authentication() + asked + b"code_challenge_method=S256" + bound

    def exchange(self, code: str, verifier: str) -> bytes:
        """The form of a token request with a code (RFC 6749 4.1.3)."""
        return self.authentication() + b"&grant_type=authorization_code&code=%s&redirect_uri=%s&code_verifier=%s" % (
            code.encode(),
            quote(self.redirect_uri, safe="").encode(),
            verifier.encode(),
        )

    def refreshment(self, token: str) -> bytes:
        """The form of a token request with a refresh token (RFC 6749 6)."""
        return self.authentication() + b"&grant_type=refresh_token&refresh_token=" + quote(token).encode()
