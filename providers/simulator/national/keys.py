"""Keys of the simulated providers, made by joserfc. One key pair of a kind serves all providers of a process."""

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Final

from joserfc import jwe, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from broker.model.json_types import JsonObject
from broker.platform import base64url
from providers.simulator.national.dialect import Dialect
from providers.simulator.settings import SimulatedClient

CURVES: Final[Mapping[str, str]] = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
BOMB: Final = 8_000_000
"""Size in bytes of the text that a decryption bomb holds."""

HASHES: Final[Mapping[str, str]] = {"256": "sha256", "384": "sha384", "512": "sha512"}


class NoEncryptionKey(Exception):
    """The client registered no key to which a token could be encrypted."""


@cache
def signing_key(algorithm: str, number: int = 0) -> ECKey | RSAKey:
    """A private key for an algorithm. Keys of another `number` are other keys."""
    family = CURVES.get(algorithm, "RSA")
    return _key(family, number)


@cache
def _key(family: str, number: int) -> ECKey | RSAKey:
    parameters = {"kid": f"{family.lower()}-{number}", "use": "sig"}
    if family == "RSA":
        return RSAKey.generate_key(2048, parameters)  # type: ignore[arg-type]
    return ECKey.generate_key(family, parameters)  # type: ignore[arg-type]


def public(key: ECKey | RSAKey, **members: str) -> dict[str, object]:
    """The public JWK of a key."""
    return {**key.as_dict(private=False), **members}


def signed(claims: JsonObject, key: ECKey | RSAKey, algorithm: str, header: JsonObject | None = None) -> str:
    """A signed JWT."""
    head = {"alg": algorithm, "kid": str(key.kid), **(header or {})}
    return jwt.encode(head, dict(claims), key, algorithms=[algorithm])


def claims_of(token: str, key: ECKey | RSAKey, algorithm: str) -> JsonObject | None:
    """The claims of a token that this key signed; None for another one."""
    try:
        return dict(jwt.decode(token, key, algorithms=[algorithm]).claims)
    except (JoseError, ValueError):
        return None


def unsigned(claims: JsonObject) -> str:
    """A JWT with `alg` none."""
    parts = ({"alg": "none"}, dict(claims))
    return ".".join(base64url.encode(json.dumps(part).encode()) for part in parts) + "."


def encrypted(token: str, client: SimulatedClient, dialect: Dialect, about: str, outcome: str = "ok") -> str:
    """A token encrypted to the client, with the first algorithms of the fact that its key supports.

    The outcome `lost_key` encrypts it to a key that no client has, `bomb` a compressed text of megabytes in its place.
    Raises NoEncryptionKey.
    """
    keys = import_keys([key for key in keys_of(client) if key.get("use") == "enc"])
    for algorithm in dialect.words(about, "key"):
        kind = "RSA" if algorithm.startswith("RSA") else "EC"
        found = next((key for key in keys.keys if key.key_type == kind), None)
        if found is None:
            continue
        content = dialect.words(about, "content")[0]
        target = _lost_key(kind) if outcome == "lost_key" else found
        header = {"alg": algorithm, "enc": content, "kid": str(found.kid), "cty": "JWT"}
        if outcome == "bomb":
            header, token = {**header, "zip": "DEF"}, "0" * BOMB
        return jwe.encrypt_compact(header, token, target, algorithms=[algorithm, content, "DEF"])
    raise NoEncryptionKey(f"{client.client_id} has no encryption key for {about}")


@cache
def _lost_key(kind: str) -> ECKey | RSAKey:
    """A key that no client has."""
    return RSAKey.generate_key(2048) if kind == "RSA" else ECKey.generate_key("P-256")


def keys_of(client: SimulatedClient) -> list[JsonObject]:
    """The registered public keys of a client."""
    keys = (client.jwks or {}).get("keys", [])
    return [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []


def import_keys(keys: list[JsonObject]) -> KeySet:
    """A set of these public keys."""
    return KeySet.import_key_set({"keys": [{name: str(value) for name, value in key.items()} for key in keys]})


def half_hash(text: str, algorithm: str, *, standard: bool = False) -> str:
    """The value of `at_hash` and `c_hash` (OpenID Connect Core 3.1.3.6); `standard`: in the other alphabet, padded."""
    digest = hashlib.new(HASHES[algorithm[-3:]], text.encode("ascii")).digest()
    half = digest[: len(digest) // 2]
    return base64.b64encode(half).decode() if standard else base64url.encode(half)
