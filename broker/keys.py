"""The key ring: which keys sign, which are announced, which are retired, and the secrets that seal.

Keys are PEM files in one folder; `keys.toml` beside them says what each is for. To rotate a signing key, add a new file
as `next`, wait a day so that every service has seen it, make it `current` and the old one `retired`, and take that out
when the last token it signed has expired. `broker keys init` makes a first set.
"""

import json
import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from broker import jose, toml
from broker.toml import Problem

INDEX: Final = "keys.toml"
ALGORITHMS: Final = ("ES256", "PS256", "EdDSA", "RS256")
"""What a first set can sign with: ES256 unless a service asks for another; RS256 for the `oidc` profile."""

_AUDIT_ALG: Final = "EdDSA"
_SEALING_SIZE: Final = 32


class KeyState(StrEnum):
    """What a signing key is for: shown before its use, signing, or shown while what it signed may still be verified."""

    NEXT = "next"
    CURRENT = "current"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class _Signing:
    file: Path
    alg: str
    state: KeyState


@dataclass(frozen=True, slots=True)
class _Used:
    current: Path
    previous: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class _Index:
    signing: tuple[_Signing, ...]
    sealing: _Used
    audit: _Used


class KeysUnusable(Exception):
    """The folder of keys cannot be used. `problems` says everything that is wrong, where, and how to mend it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys, imported once.

    `current` are the signing keys by algorithm and `public` all keys that may have signed something still in use;
    `sealing` and `sealing_previous` are secrets of 32 bytes for `broker.seal`; `audit` signs checkpoints, and
    `audit_public` verifies them.
    """

    current: Mapping[str, jose.SigningKey]
    public: jose.KeySet
    jwks_json: bytes
    sealing: bytes = field(repr=False)
    sealing_previous: tuple[bytes, ...] = field(repr=False)
    audit: jose.SigningKey
    audit_public: jose.KeySet

    def signing(self, alg: str) -> jose.SigningKey:
        """The key that signs with an algorithm. Raises KeysUnusable where there is none."""
        key = self.current.get(alg)
        if key is None:
            raise KeysUnusable(
                [Problem("signing", f"no current key for {alg}", f"it signs with {sorted(self.current)}")]
            )
        return key

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The algorithms that ID tokens can be signed with, in the order of preference."""
        return tuple(sorted(self.current, key=lambda alg: ALGORITHMS.index(alg) if alg in ALGORITHMS else 9))

    def jwks(self) -> bytes:
        """The public keys as a JWK Set (RFC 7517 5): current, next and retired. Made once."""
        return self.jwks_json


def load_all(folder: Path) -> KeyRing:
    """The key ring of a folder. Raises KeysUnusable with every problem at once."""
    index, problems = _load_index(folder)
    if index is None:
        raise KeysUnusable(problems)
    signing = [(entry, _signing_key(entry.file, entry.alg, problems)) for entry in index.signing]
    audit = [_signing_key(path, _AUDIT_ALG, problems) for path in (index.audit.current, *index.audit.previous)]
    secrets = [_secret(path, problems) for path in (index.sealing.current, *index.sealing.previous)]
    problems += _check_states(index, folder)
    known = [(entry, key) for entry, key in signing if key is not None]
    kids = [key.kid for _, key in known]
    problems += [
        Problem(str(entry.file), "the same key is listed twice", "take one of the entries out")
        for number, (entry, key) in enumerate(known)
        if key.kid in kids[:number]
    ]
    auditors = [key for key in audit if key is not None]
    if problems:
        raise KeysUnusable(problems)
    shown = [
        dict(jose.public_jwk(key))
        for state in (KeyState.CURRENT, KeyState.NEXT, KeyState.RETIRED)
        for entry, key in known
        if entry.state is state
    ]
    return KeyRing(
        current={entry.alg: key for entry, key in known if entry.state is KeyState.CURRENT},
        public=jose.parse_keys({"keys": shown}),
        jwks_json=json.dumps({"keys": shown}, separators=(",", ":")).encode(),
        sealing=secrets[0],
        sealing_previous=tuple(secrets[1:]),
        audit=auditors[0],
        audit_public=jose.parse_keys({"keys": [dict(jose.public_jwk(key)) for key in auditors]}),
    )


def _load_index(folder: Path) -> tuple[_Index | None, list[Problem]]:
    path = folder / INDEX
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None, [Problem(str(path), "there are no keys here", "run `broker keys init`, or name the right folder")]
    except OSError as problem:
        return None, [Problem(str(path), f"cannot be read: {problem.strerror}", "let the broker's user read it")]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        return None, [Problem(str(path), f"is not TOML: {problem}", "mend the line it names")]
    index, problems = toml.load(table, _Index, base=folder)
    return index, [Problem(f"{path}: {problem.path}", problem.what, problem.mend) for problem in problems]


def _check_states(index: _Index, folder: Path) -> list[Problem]:
    place = f"{folder / INDEX}: signing"
    if not index.signing:
        return [Problem(place, "no signing key is listed", "add a [[signing]] table with file, alg and state")]
    problems = []
    for alg in sorted({entry.alg for entry in index.signing}):
        count = sum(entry.alg == alg and entry.state is KeyState.CURRENT for entry in index.signing)
        if count != 1:
            mend = 'give exactly one of them state = "current"'
            problems.append(Problem(place, f"{count} keys for {alg} are current, expected one", mend))
    return problems


def _read(path: Path, problems: list[Problem]) -> bytes | None:
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()
    except FileNotFoundError:
        problems.append(Problem(str(path), "does not exist", f"put the key there, or take it out of {INDEX}"))
        return None
    except OSError as problem:
        problems.append(Problem(str(path), f"cannot be read: {problem.strerror}", "let the broker's user read it"))
        return None
    if mode & 0o007:
        problems.append(Problem(str(path), "everybody on this machine may use it", f"chmod o= {path}"))
    return data


def _signing_key(path: Path, alg: str, problems: list[Problem]) -> jose.SigningKey | None:
    pem = _read(path, problems)
    if pem is None:
        return None
    try:
        return jose.load_signing_key(pem, alg)
    except ValueError as problem:
        mend = f"put an unencrypted PKCS 8 private key in PEM there that serves {alg}"
        problems.append(Problem(str(path), f"is not a usable key: {problem}", mend))
        return None


def _secret(path: Path, problems: list[Problem]) -> bytes:
    data = _read(path, problems)
    if data is not None and len(data) != _SEALING_SIZE:
        mend = f"put {_SEALING_SIZE} random bytes there, nothing else; another secret cannot open what is already kept"
        problems.append(Problem(str(path), f"holds {len(data)} bytes, expected {_SEALING_SIZE}", mend))
    return data or b""


def create_all(folder: Path, draw: Callable[[int], bytes], algorithms: Sequence[str] = ALGORITHMS) -> None:
    """Makes a first set of keys: one signing key an algorithm, a sealing secret, the key of audit checkpoints.

    Files can be read by their owner alone. `draw(n)` gives n unpredictable bytes. Raises KeysUnusable, and changes
    nothing, where keys are already; OSError where the folder cannot be written.
    """
    index = folder / INDEX
    if index.exists():
        raise KeysUnusable([Problem(str(index), "there are keys already", "name another folder, or move them away")])
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = ["# What each key in this folder is for. See the guide on changing keys before editing.", ""]
    for alg in algorithms:
        name = _write_key(folder, alg.lower(), jose.new_signing_key_pem(alg), draw)
        lines += ["[[signing]]", f'file = "{name}"', f'alg = "{alg}"', f'state = "{KeyState.CURRENT}"', ""]
    for use, content in (("sealing", draw(_SEALING_SIZE)), ("audit", jose.new_signing_key_pem(_AUDIT_ALG))):
        lines += [f"[{use}]", f'current = "{_write_key(folder, use, content, draw)}"', "previous = []", ""]
    _write(index, "\n".join(lines).encode())


def _write_key(folder: Path, use: str, content: bytes, draw: Callable[[int], bytes]) -> str:
    name = f"{use}-{draw(4).hex()}." + ("key" if use == "sealing" else "pem")
    _write(folder / name, content)
    return name


def _write(path: Path, content: bytes) -> None:
    """Writes a new file, durably, for its owner alone. Raises FileExistsError rather than replace one."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
