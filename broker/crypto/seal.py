"""Authenticated encryption of stored values, and keyed MACs.

One secret of 32 bytes is current; previous ones still open what they sealed. Each use has its own key, derived with
HKDF (RFC 5869). A sealed value names its key, and opens only at the place it was sealed for.

A sealing key never encrypts directly. Values are sealed in runs, each with a key derived from 128 random bits, so that
the total number of values is unlimited; a run ends long before random nonces could collide under its key.
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SECRET_SIZE: Final = 32
_FORM: Final = b"\x01"
_ID: Final = 4
_SALT: Final = 16
_NONCE: Final = 12
_HEAD: Final = len(_FORM) + _ID
_START: Final = _HEAD + _SALT
_BODY: Final = _START + _NONCE
_TAG: Final = 16

MESSAGES_PER_KEY: Final = 65_536
"""Values per run: the chance that two of as many random nonces of 96 bits collide is 2^-65."""

CIPHER_CACHE: Final = 1_024
"""Number of runs whose cipher is cached for opening."""


class Unsealable(Exception):
    """Sealed value that does not open: truncated, changed, sealed for another place, or with a key that was removed."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def derive(secret: bytes, use: str, size: int = 32) -> bytes:
    """Derives a key of `size` bytes for one use of a secret (RFC 5869). Keys of different uses are independent."""
    return HKDF(hashes.SHA256(), size, salt=None, info=b"portico " + use.encode()).derive(secret)


def _keyed(key: bytes) -> HMAC:
    return HMAC(key, hashes.SHA256())


def _mac(keyed: HMAC, data: bytes) -> bytes:
    """HMAC-SHA256 (RFC 2104). Copying a keyed instance costs a tenth of creating one."""
    mac = keyed.copy()
    mac.update(data)
    return mac.finalize()


@dataclass(slots=True)
class _Run:
    """Current run: the prefix of its values, its cipher, and how many values are left."""

    start: bytes
    cipher: AESGCM
    left: int


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals and opens values with a ring of secrets. Created by `sealer`; `keys` are the sealing keys by their
    four-byte id.

    `runs` holds the current run, `ciphers` the cached runs by the prefix of their values.
    """

    current: bytes
    keys: Mapping[bytes, bytes]
    secrets: tuple[bytes, ...]
    mac_keys: dict[str, tuple[HMAC, ...]]
    draw: Callable[[int], bytes]
    runs: list[_Run] = field(default_factory=list)
    ciphers: dict[bytes, AESGCM] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Sealer(current={self.current.hex()}, keys={len(self.keys)})"

    def seal(self, data: bytes, place: str) -> bytes:
        """Seals bytes for one place, such as the name of the record that holds them. Adds 49 bytes.

        AES-256-GCM (RFC 5116) under the key of the current run, with a random nonce.
        """
        run = self.runs[0] if self.runs and self.runs[0].left else self._next_run()
        run.left -= 1
        nonce = self.draw(_NONCE)
        return run.start + nonce + run.cipher.encrypt(nonce, data, run.start[:_HEAD] + place.encode())

    def open(self, value: bytes, place: str) -> bytes:
        """Opens a value that was sealed for this place. Raises Unsealable."""
        if len(value) < _BODY + _TAG or value[:1] != _FORM:
            raise Unsealable("not a sealed value")
        start = value[:_START]
        cipher = self.ciphers.get(start) or self._cipher(start)
        try:
            return cipher.decrypt(value[_START:_BODY], value[_BODY:], start[:_HEAD] + place.encode())
        except InvalidTag:
            raise Unsealable("changed, or sealed for another place") from None

    def _next_run(self) -> _Run:
        start = _FORM + self.current + self.draw(_SALT)
        self.runs[:] = [_Run(start, self._cipher(start), MESSAGES_PER_KEY)]
        return self.runs[0]

    def _cipher(self, start: bytes) -> AESGCM:
        """Cipher of a run, by the prefix of its values. Raises Unsealable."""
        secret = self.keys.get(start[len(_FORM) : _HEAD])
        if secret is None:
            raise Unsealable(f"sealed with key {start[len(_FORM) : _HEAD].hex()}, which is not in the ring")
        if len(self.ciphers) >= CIPHER_CACHE:
            del self.ciphers[next(iter(self.ciphers))]
        cipher = self.ciphers[start] = AESGCM(hmac.digest(secret, start[_HEAD:], "sha256"))
        return cipher

    def mac(self, use: str, data: bytes) -> bytes:
        """MAC of 32 bytes (HMAC-SHA256, RFC 2104) over `data` for one use, under the current secret."""
        return _mac(self._mac_keys(use)[0], data)

    def mac_key(self, use: str) -> bytes:
        """Key of `mac` for one use, 32 bytes, for a MAC that must outlive the current secret."""
        return derive(self.secrets[0], f"mac {use}")

    def is_current(self, value: bytes) -> bool:
        """Whether a value was sealed with the current secret."""
        return value[len(_FORM) : _HEAD] == self.current

    def mac_matches(self, use: str, data: bytes, mark: bytes) -> bool:
        """Whether a secret of the ring made this MAC over `data` for this use. Constant time."""
        found = [hmac.compare_digest(_mac(key, data), mark) for key in self._mac_keys(use)]
        return any(found)

    def _mac_keys(self, use: str) -> tuple[HMAC, ...]:
        keys = self.mac_keys.get(use)
        if keys is None:
            keys = self.mac_keys[use] = tuple(_keyed(derive(secret, f"mac {use}")) for secret in self.secrets)
        return keys


def sealer(current: bytes, previous: Sequence[bytes], draw: Callable[[int], bytes]) -> Sealer:
    """Creates a ring from the current secret and the previous ones, 32 bytes each; `draw(n)` returns n unpredictable
    bytes.

    Raises ValueError for a secret of another size or a duplicate.
    """
    secrets = (current, *previous)
    if any(len(secret) != SECRET_SIZE for secret in secrets):
        raise ValueError(f"a sealing secret has {SECRET_SIZE} bytes")
    keys = {derive(secret, "key id", _ID): derive(secret, "seal") for secret in secrets}
    if len(keys) != len(secrets):
        raise ValueError("a sealing secret is listed twice")
    return Sealer(derive(current, "key id", _ID), keys, secrets, {}, draw)
