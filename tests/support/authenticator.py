"""Software authenticator (Web Authentication, CTAP 2): makes and uses passkeys, and deviates where a test wants it to.

It is made of `cryptography` and `cbor2` alone, so that it shares nothing with the library that verifies its answers.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from broker.platform import base64url

PRESENT, VERIFIED, ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40


@dataclass(slots=True)
class Credential:
    """A passkey in the authenticator."""

    id: bytes
    key: ec.EllipticCurvePrivateKey
    user_handle: bytes
    rp_id: str
    count: int = 0


@dataclass(slots=True)
class Authenticator:
    """An authenticator in a browser at `origin`. `synced` passkeys may be copied to other devices and count nothing."""

    origin: str
    synced: bool = True
    verifies: bool = True
    credentials: list[Credential] = field(default_factory=list)

    def create(self, options: Mapping[str, Any], client: Mapping[str, Any] | None = None, **deviating: Any) -> str:
        """The answer to `navigator.credentials.create` as JSON. `client` changes the client data; the others are
        `flags`, `rp_id`, `statement` and `format`."""
        credential = Credential(
            os.urandom(32),
            ec.generate_private_key(ec.SECP256R1()),
            base64url.decode(options["user"]["id"]),
            options["rp"]["id"],
        )
        self.credentials.append(credential)
        public = credential.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: public.x.to_bytes(32, "big"), -3: public.y.to_bytes(32, "big")}
        attested = bytes(16) + len(credential.id).to_bytes(2, "big") + credential.id + cbor2.dumps(cose)
        data = self._data(credential, ATTESTED, **deviating) + attested
        statement = {
            "fmt": deviating.get("format", "none"),
            "attStmt": deviating.get("statement", {}),
            "authData": data,
        }
        response = {
            "clientDataJSON": self._client("webauthn.create", options["challenge"], client),
            "attestationObject": base64url.encode(cbor2.dumps(statement)),
        }
        return _answer(credential.id, response)

    def get(
        self,
        options: Mapping[str, Any],
        client: Mapping[str, Any] | None = None,
        credential: Credential | None = None,
        **deviating: Any,
    ) -> str:
        """The answer to `navigator.credentials.get` as JSON, by the newest passkey or another one."""
        chosen = credential or self.credentials[-1]
        data, raw = self._data(chosen, 0, **deviating), self._client("webauthn.get", options["challenge"], client)
        signed = data + hashlib.sha256(base64url.decode(raw)).digest()
        response = {
            "clientDataJSON": raw,
            "authenticatorData": base64url.encode(data),
            "signature": base64url.encode(chosen.key.sign(signed, ec.ECDSA(SHA256()))),
            "userHandle": base64url.encode(deviating.get("user_handle", chosen.user_handle)),
        }
        return _answer(chosen.id, response)

    def _data(self, credential: Credential, more: int, **deviating: Any) -> bytes:
        """Authenticator data (6.1)."""
        credential.count += not self.synced
        flags = PRESENT | more | (VERIFIED if self.verifies else 0) | (ELIGIBLE | BACKED_UP if self.synced else 0)
        count = deviating.get("count", credential.count)
        rp_id = deviating.get("rp_id", credential.rp_id)
        flag_byte = bytes([deviating.get("flags", flags) | more])
        return hashlib.sha256(rp_id.encode()).digest() + flag_byte + count.to_bytes(4, "big")

    def _client(self, kind: str, challenge: str, changed: Mapping[str, Any] | None) -> str:
        data = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False, **(changed or {})}
        kept = {name: value for name, value in data.items() if value is not None}
        return base64url.encode(json.dumps(kept).encode())


def _answer(credential: bytes, response: Mapping[str, str]) -> str:
    name = base64url.encode(credential)
    return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})
