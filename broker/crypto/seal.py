"""Authenticated encryption of what is kept, and keyed marks on what is handed out.

One secret of 32 bytes is current, older ones still open what they sealed. Each use has a key of its own, derived with
HKDF (RFC 5869). A sealed value names its key, and opens only at the place it was sealed for.

A sealing key encrypts nothing itself. Values are sealed in runs, each run under a key derived from 128 random bits, so
that the number of values needs no bound; a run ends long before random nonces could meet under its key.
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
"""How many values one run has: two of as many random nonces of 96 bits are alike with a chance of 2^-65."""

CIPHER_CACHE: Final = 1_024
"""How many runs are kept ready to open what was sealed in them."""


class Unsealable(Exception):
    """A sealed value that does not open: cut, changed, of another place, or sealed with a key that is gone."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def derive(secret: bytes, use: str, size: int = 32) -> bytes:
    """A key of `size` bytes for one use of a secret (RFC 5869). Keys of different uses say nothing about each other."""
    return HKDF(hashes.SHA256(), size, salt=None, info=b"portico " + use.encode()).derive(secret)


def _keyed(key: bytes) -> HMAC:
    return HMAC(key, hashes.SHA256())


def _mac(keyed: HMAC, data: bytes) -> bytes:
    """HMAC-SHA256 (RFC 2104). A copy of what took the key in already costs a tenth of starting with the key."""
    mac = keyed.copy()
    mac.update(data)
    return mac.finalize()


@dataclass(slots=True)
class _Run:
    """The run that is under way: how its values begin, its cipher, how many more it may have."""

    start: bytes
    cipher: AESGCM
    left: int


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals and opens with a ring of secrets. Made by `sealer`; `keys` are the sealing keys by their four-byte id.

    `runs` holds the run under way, `ciphers` those of runs that were met before, by how their values begin.
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
        """Seals bytes for one place, such as the name of the record they lie in. 49 bytes longer than `data`.

        AES-256-GCM (RFC 5116) under the key of this run, with a random nonce.
        """
        run = self.runs[0] if self.runs and self.runs[0].left else self._next_run()
        run.left -= 1
        nonce = self.draw(_NONCE)
        return run.start + nonce + run.cipher.encrypt(nonce, data, run.start[:_HEAD] + place.encode())

    def open(self, value: bytes, place: str) -> bytes:
        """What was sealed for this place. Raises Unsealable."""
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
        """The cipher of a run, by how its values begin. Raises Unsealable."""
        secret = self.keys.get(start[len(_FORM) : _HEAD])
        if secret is None:
            raise Unsealable(f"sealed with key {start[len(_FORM) : _HEAD].hex()}, which is not in the ring")
        if len(self.ciphers) >= CIPHER_CACHE:
            del self.ciphers[next(iter(self.ciphers))]
        cipher = self.ciphers[start] = AESGCM(hmac.digest(secret, start[_HEAD:], "sha256"))
        return cipher

    def mac(self, use: str, data: bytes) -> bytes:
        """A mark of 32 bytes (HMAC-SHA256, RFC 2104) that only this ring can put on `data`, for one use."""
        return _mac(self._mac_keys(use)[0], data)

    def mac_key(self, use: str) -> bytes:
        """The key with which `mac` marks for one use, 32 bytes: for a mark that has to outlive the current secret."""
        return derive(self.secrets[0], f"mac {use}")

    def is_current(self, value: bytes) -> bool:
        """Whether a sealed value was sealed with the current secret."""
        return value[len(_FORM) : _HEAD] == self.current

    def mac_matches(self, use: str, data: bytes, mark: bytes) -> bool:
        """Whether a secret of the ring put this mark on `data` for this use. Takes the same time right or wrong."""
        found = [hmac.compare_digest(_mac(key, data), mark) for key in self._mac_keys(use)]
        return any(found)

    def _mac_keys(self, use: str) -> tuple[HMAC, ...]:
        keys = self.mac_keys.get(use)
        if keys is None:
            keys = self.mac_keys[use] = tuple(_keyed(derive(secret, f"mac {use}")) for secret in self.secrets)
        return keys


def sealer(current: bytes, previous: Sequence[bytes], draw: Callable[[int], bytes]) -> Sealer:
    """A ring from the current secret and the previous ones, 32 bytes each; `draw(n)` gives n unpredictable bytes.

    Raises ValueError for a secret of another size or one that appears twice.
    """
    secrets = (current, *previous)
    if any(len(secret) != SECRET_SIZE for secret in secrets):
        raise ValueError(f"a sealing secret has {SECRET_SIZE} bytes")
    keys = {derive(secret, "key id", _ID): derive(secret, "seal") for secret in secrets}
    if len(keys) != len(secrets):
        raise ValueError("a sealing secret appears twice")
    return Sealer(derive(current, "key id", _ID), keys, secrets, {}, draw)
