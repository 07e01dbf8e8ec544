"""Key ring: the keys of a folder, imported once, for signing, publication, decryption and sealing."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from broker.crypto import jose, jwe
from broker.crypto.jose import SigningKey
from broker.crypto.jwe import DecryptionKey
from broker.crypto.keys.index import INDEX, Index, KeyEntry, KeyState, KeysUnusable, load_index, read_private
from broker.crypto.keys.pkcs11 import Pkcs11Tokens, token_key
from broker.platform.toml_loader import Problem

ALGORITHMS: Final = ("ES256", "PS256", "EdDSA", "RS256")
"""Signing algorithms of a new folder: ES256 unless a service asks for another; RS256 for the `oidc` profile."""

AUDIT_ALG: Final = "EdDSA"
SEALING_SIZE: Final = 32

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys, imported once.

    `current` are the signing keys by algorithm, `public` all keys whose signatures may still be valid; `decryption`
    are the decryption keys by `kid`; `sealing` and `sealing_previous` are secrets of 32 bytes for
    `broker.crypto.seal`; `audit` signs checkpoints and exports, `audit_public` verifies them, `audit_jwks` is that set
    as it is published. `listed` maps `kid` to the entry of each signing or decryption key. `thumbprints` (RFC 7638)
    are those of every key.
    """

    current: Mapping[str, SigningKey]
    public: jose.KeySet
    decryption: Mapping[str, DecryptionKey] = field(repr=False)
    jwks_json: bytes
    sealing: bytes = field(repr=False)
    sealing_previous: tuple[bytes, ...] = field(repr=False)
    audit: SigningKey
    audit_public: jose.KeySet
    audit_jwks: tuple[Mapping[str, str], ...]
    listed: Mapping[str, KeyEntry]
    thumbprints: frozenset[str]

    def signing(self, alg: str) -> SigningKey:
        """Signing key for an algorithm. Raises KeysUnusable if there is none."""
        key = self.current.get(alg)
        if key is None:
            raise KeysUnusable(
                [Problem("signing", f"no current key for {alg}", f"it signs with {sorted(self.current)}")]
            )
        return key

    @property
    def algorithms(self) -> tuple[str, ...]:
        """Signing algorithms of ID tokens, in the order of preference."""
        return tuple(sorted(self.current, key=lambda alg: ALGORITHMS.index(alg) if alg in ALGORITHMS else 9))

    @property
    def encryption_algorithms(self) -> tuple[str, ...]:
        """Key management algorithms of the decryption keys."""
        return tuple(sorted({key.alg for key in self.decryption.values()}))

    def jwks(self) -> bytes:
        """JWK Set of the public keys (RFC 7517 5): for signatures the current, next and retired ones, then the
        encryption keys. Serialized once.
        """
        return self.jwks_json


class ImportCache:
    """Cache of the keys that the last load of a folder imported, by algorithm and content.

    OpenSSL tests whether the numbers of an RSA key are prime, which takes 0.1 s of CPU. A worker inherits the cache of
    the supervisor that it is forked from.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, bytes], Any] = {}
        self._used: dict[tuple[str, bytes], Any] = {}

    def take(self, load: Callable[[bytes, str], T], pem: bytes, alg: str) -> T:
        """Imports the key of a PEM, or returns the cached one. Raises what `load` raises."""
        name = (alg, hashlib.sha256(pem).digest())
        kept: T | None = self._kept.get(name)
        self._used[name] = key = load(pem, alg) if kept is None else kept
        return key

    def forget_others(self) -> None:
        """Drops the cached keys that this load did not use."""
        self._kept, self._used = self._used, {}


_IMPORTS: Final = ImportCache()


def load_sealing(folder: Path) -> tuple[bytes, Sequence[bytes]]:
    """Loads the sealing secrets of a folder alone: the current one, and the previous ones. Raises KeysUnusable."""
    index, problems = load_index(folder)
    if index is None:
        raise KeysUnusable(problems)
    current, *previous = (_secret(path, problems) for path in (index.sealing.current, *index.sealing.previous))
    if problems:
        raise KeysUnusable(problems)
    return current, previous


def load_all(folder: Path, tokens: Pkcs11Tokens | None = None) -> KeyRing:
    """Loads the key ring of a folder. Raises KeysUnusable with every problem at once.

    `tokens` are those that the process has already opened. A token is accessed only if the folder does not hold the
    public half of its key.
    """
    index, problems = load_index(folder)
    if index is None:
        raise KeysUnusable(problems)
    opened = tokens or Pkcs11Tokens()
    signing = [(entry, _signing_key(entry, opened, folder, problems)) for entry in index.signing]
    encryption = [(entry, _decryption_key(entry, folder, problems)) for entry in index.encryption]
    audit = [_pem(path, AUDIT_ALG, problems) for path in (index.audit.current, *index.audit.previous)]
    secrets = [_secret(path, problems) for path in (index.sealing.current, *index.sealing.previous)]
    _IMPORTS.forget_others()
    problems += _check_states(index, folder)
    signers = [(entry, key) for entry, key in signing if key is not None]
    openers = [(entry, key) for entry, key in encryption if key is not None]
    auditors = [key for key in audit if key is not None]
    problems += _check_twice(signers, openers)
    problems += _check_purposes(index, [key for _, key in signers], [key for _, key in openers], audit, secrets)
    if problems:
        raise KeysUnusable(problems)
    order = (KeyState.CURRENT, KeyState.NEXT, KeyState.RETIRED)
    signatures = [dict(key.jwk) for state in order for entry, key in signers if entry.state is state]
    recipients = [dict(key.jwk) for entry, key in openers if entry.state is KeyState.CURRENT]
    every = [*(key.jwk for key in auditors), *(key.jwk for _, key in signers), *(key.jwk for _, key in openers)]
    return KeyRing(
        current={entry.alg: key for entry, key in signers if entry.state is KeyState.CURRENT},
        public=jose.parse_keys({"keys": signatures}),
        decryption={key.kid: key for _, key in openers},
        jwks_json=json.dumps({"keys": signatures + recipients}, separators=(",", ":")).encode(),
        sealing=secrets[0],
        sealing_previous=tuple(secrets[1:]),
        audit=auditors[0],
        audit_public=jose.parse_keys({"keys": [dict(key.jwk) for key in auditors]}),
        audit_jwks=tuple(key.jwk for key in auditors),
        listed={key.kid: entry for entry, key in signers} | {key.kid: entry for entry, key in openers},
        thumbprints=frozenset(jose.thumbprint(jwk) for jwk in every),
    )


def _check_states(index: Index, folder: Path) -> Iterator[Problem]:
    place = f"{folder / INDEX}: signing"
    if not index.signing:
        yield Problem(place, "no signing key is listed", "add a [[signing]] table with file, alg and state")
    fix = 'give exactly one of them state = "current"'
    for alg, states in _states(index.signing):
        count = states.count(KeyState.CURRENT)
        # the first key for an algorithm is also published before it signs
        if count != 1 and states != [KeyState.NEXT]:
            yield Problem(place, f"{count} keys for {alg} are current, expected one", fix)
        if states.count(KeyState.NEXT) > 1:
            yield Problem(place, f"more than one key for {alg} is next", "remove all but one of them")
    for alg, states in _states(index.encryption):
        if states.count(KeyState.CURRENT) != 1 or KeyState.NEXT in states:
            fix = 'give one state = "current", the others state = "retired"'
            yield Problem(f"{folder / INDEX}: encryption", f"not one key for {alg} is current", fix)


def _states(entries: Sequence[KeyEntry]) -> list[tuple[str, list[KeyState]]]:
    algorithms = sorted({entry.alg for entry in entries})
    return [(alg, [entry.state for entry in entries if entry.alg == alg]) for alg in algorithms]


def _check_twice(
    signers: Sequence[tuple[KeyEntry, SigningKey]], openers: Sequence[tuple[KeyEntry, DecryptionKey]]
) -> Iterator[Problem]:
    known = [*((entry, key.kid) for entry, key in signers), *((entry, key.kid) for entry, key in openers)]
    kids = [kid for _, kid in known]
    for number, (entry, kid) in enumerate(known):
        if kid in kids[:number]:
            yield Problem(entry.place, "the same key is listed twice", "remove one of the entries")


def _check_purposes(
    index: Index,
    signers: Sequence[SigningKey],
    openers: Sequence[DecryptionKey],
    audit: Sequence[SigningKey | None],
    secrets: Sequence[bytes],
) -> Iterator[Problem]:
    """Audit keys and sealing secrets have no other use, in any encoding."""
    fix = "create a new one, and list this one under previous to read what it signed or sealed"
    known = {jose.thumbprint(key.jwk): "signs tokens" for key in signers}
    known |= {jose.thumbprint(key.jwk): "decrypts" for key in openers}
    for path, key in zip((index.audit.current, *index.audit.previous), audit, strict=True):
        mark = "" if key is None else jose.thumbprint(key.jwk)
        if mark in known:
            yield Problem(str(path), f"the same key {known[mark]}", fix)
        elif mark:
            known[mark] = "is listed for the audit already"
    private = {jose.private_bytes(key) for key in (*signers, *audit) if key is not None}
    for number, (path, data) in enumerate(zip((index.sealing.current, *index.sealing.previous), secrets, strict=True)):
        if data and data in private:
            yield Problem(str(path), "the same bytes are a private key of this folder", fix)
        if data and data in secrets[:number]:
            yield Problem(str(path), "the same secret is listed twice", "remove one of them")


def _signing_key(entry: KeyEntry, tokens: Pkcs11Tokens, folder: Path, problems: list[Problem]) -> SigningKey | None:
    """Imports the key of one entry from its file or token. Returns None and appends the problem if that fails."""
    if (entry.file is None) == (entry.pkcs11 is None):
        fix = "name either a file, or a pkcs11 table with module, token, pin_file, and label or id"
        problems.append(Problem(f"{folder / INDEX}: signing", "an entry must name its key in exactly one place", fix))
        return None
    if entry.pkcs11 is not None:
        return token_key(entry, entry.pkcs11, tokens, problems)
    return None if entry.file is None else _pem(entry.file, entry.alg, problems)


def _pem(path: Path, alg: str, problems: list[Problem]) -> SigningKey | None:
    pem = read_private(path, problems)
    if pem is None:
        return None
    try:
        return _IMPORTS.take(jose.load_signing_key, pem, alg)
    except ValueError as problem:
        fix = f"put an unencrypted PKCS 8 private key in PEM there that serves {alg}"
        problems.append(Problem(str(path), f"is not a usable key: {problem}", fix))
        return None


def _decryption_key(entry: KeyEntry, folder: Path, problems: list[Problem]) -> DecryptionKey | None:
    if entry.file is None or entry.pkcs11 is not None:
        fix = "keys that decrypt are PEM files: name one with file"
        problems.append(Problem(f"{folder / INDEX}: encryption", "an entry names no file", fix))
        return None
    pem = read_private(entry.file, problems)
    if pem is None:
        return None
    try:
        return _IMPORTS.take(jwe.load_decryption_key, pem, entry.alg)
    except ValueError as problem:
        fix = f"put an unencrypted PKCS 8 private key in PEM there that serves {entry.alg}"
        problems.append(Problem(str(entry.file), f"is not a usable key: {problem}", fix))
        return None


def _secret(path: Path, problems: list[Problem]) -> bytes:
    data = read_private(path, problems)
    if data is not None and len(data) != SEALING_SIZE:
        fix = f"put {SEALING_SIZE} random bytes there, nothing else; another secret cannot open what is already stored"
        problems.append(Problem(str(path), f"holds {len(data)} bytes, expected {SEALING_SIZE}", fix))
    return data or b""
