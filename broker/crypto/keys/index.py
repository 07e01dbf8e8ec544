"""`keys.toml`: use, state, age and place of each key. Parsed strictly, replaced atomically."""

import contextlib
import fcntl
import hashlib
import os
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from broker.platform import toml_loader
from broker.platform.operator_files import Unfit, content, text
from broker.platform.toml_loader import Instant, Problem
from broker.platform.toml_writer import quote

INDEX: Final = "keys.toml"
LOCK: Final = "keys.lock"
"""File that a process locks while it changes keys. Its content is not used."""

_HEAD: Final = "# What each key in this folder is for. `portico keys` writes this file: see the guide on changing keys."


class KeyState(StrEnum):
    """States of a key: published before its use, in use, or published until what it signed has expired."""

    NEXT = "next"
    CURRENT = "current"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class InToken:
    """Place of a private key in a PKCS#11 token: the module, the token, and the object in it."""

    module: Path
    token: str
    pin_file: Path
    label: str | None = None
    id: str | None = None
    """CKA_ID of the object in hexadecimal."""


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """Key as listed in `keys.toml`: in a PEM `file`, or in a token with its `public` half in a file.

    `since` is when it entered its state, in seconds since 1970 UTC.
    """

    alg: str
    state: KeyState
    file: Path | None = None
    pkcs11: InToken | None = None
    public: Path | None = None
    since: Instant | None = None

    @property
    def place(self) -> str:
        """Place of the key for display."""
        if self.pkcs11 is not None:
            return f"token {self.pkcs11.token}, {self.pkcs11.label or self.pkcs11.id}"
        return str(self.file)


@dataclass(frozen=True, slots=True)
class Used:
    """Current secret and the previous ones."""

    current: Path
    previous: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Index:
    """Content of `keys.toml`."""

    signing: tuple[KeyEntry, ...]
    sealing: Used
    audit: Used
    encryption: tuple[KeyEntry, ...] = ()

    def files(self) -> Iterator[Path]:
        """Files that hold private keys and secrets."""
        yield from (entry.file for entry in (*self.signing, *self.encryption) if entry.file is not None)
        for used in (self.sealing, self.audit):
            yield from (used.current, *used.previous)


class KeysUnusable(Exception):
    """Folder of keys that cannot be used. `problems` lists every problem with its place and its fix."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def unusable(place: object, what: str, fix: str) -> KeysUnusable:
    """KeysUnusable with one problem."""
    return KeysUnusable([Problem(str(place), what, fix)])


def load_index(folder: Path) -> tuple[Index | None, list[Problem]]:
    """Parses the index of a folder. Returns it, or every problem found."""
    path = folder / INDEX
    try:
        if not path.exists():
            fix = "run `portico keys init`, or name the right folder"
            return None, [Problem(str(path), "there are no keys here", fix)]
        table = tomllib.loads(text(path))
    except Unfit as unfit:
        return None, [Problem(str(path), unfit.what, unfit.fix)]
    except OSError as problem:
        return None, [Problem(str(path), f"cannot be read: {problem.strerror}", "let the broker's user read it")]
    except (ValueError, RecursionError) as problem:
        said = "nested too deeply" if isinstance(problem, RecursionError) else str(problem)
        return None, [Problem(str(path), f"is not TOML: {said}", "fix the line it names")]
    index, problems = toml_loader.load(table, Index, base=folder)
    return index, [Problem(f"{path}: {problem.path}", problem.what, problem.fix) for problem in problems]


def read_private(path: Path, problems: list[Problem]) -> bytes | None:
    """Content of a secret file, or None; appends what is wrong with it to `problems`."""
    try:
        mode = path.stat().st_mode
        data = content(path)
    except FileNotFoundError:
        problems.append(Problem(str(path), "does not exist", f"put the key there, or remove it from {INDEX}"))
        return None
    except Unfit as unfit:
        problems.append(Problem(str(path), unfit.what, unfit.fix))
        return None
    except OSError as problem:
        problems.append(Problem(str(path), f"cannot be read: {problem.strerror}", "let the broker's user read it"))
        return None
    if mode & 0o007:
        problems.append(Problem(str(path), "every user of this machine may read it", f"chmod o= {path}"))
    return data


def digest(folder: Path) -> bytes:
    """Digest of `keys.toml`, empty if it cannot be read."""
    try:
        return hashlib.sha256((folder / INDEX).read_bytes()).digest()
    except OSError:
        return b""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the folder's exclusive lock. Raises KeysUnusable if another process holds it."""
    try:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise unusable(folder, f"cannot be changed: {problem.strerror}", "let this user write there") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise unusable(
            folder, "another process is changing keys", "check the result of its change, then try again"
        ) from None
    try:
        yield
    finally:
        os.close(handle)


def replace_index(folder: Path, index: Index, expected: bytes) -> None:
    """Replaces the `keys.toml` that has the digest `expected`, durably and atomically.

    Mode and owner stay. Raises KeysUnusable if the file changed meanwhile or cannot be written.
    """
    path, new = folder / INDEX, folder / f".{INDEX}.new"
    try:
        before = path.stat()
        new.unlink(missing_ok=True)
        write_new(new, render(index, folder).encode(), before.st_mode & 0o777)
        if os.geteuid() == 0:
            os.chown(new, before.st_uid, before.st_gid)
        if digest(folder) != expected:
            new.unlink()
            raise unusable(path, "was changed by another process meanwhile", "check its change, then try again")
        new.rename(path)
        sync_folder(folder)
    except OSError as problem:
        raise unusable(path, f"cannot be replaced: {problem.strerror}", "let this user write there") from None


def write_new(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Writes a new file durably, readable by its owner only. Raises FileExistsError if it exists."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable (fsync)."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def render(index: Index, folder: Path) -> str:
    """Renders the index as TOML; paths within the folder are relative to it."""

    def relative(path: Path) -> str:
        return quote(str(path.relative_to(folder) if path.is_relative_to(folder) else path))

    def entry(table: str, listed: KeyEntry) -> Iterator[str]:
        yield f"[[{table}]]"
        if listed.file is not None:
            yield f"file = {relative(listed.file)}"
        if listed.pkcs11 is not None:
            at = listed.pkcs11
            members = [
                f"module = {relative(at.module)}",
                f"token = {quote(at.token)}",
                f"pin_file = {relative(at.pin_file)}",
            ]
            members += [f"{name} = {quote(value)}" for name, value in (("label", at.label), ("id", at.id)) if value]
            yield f"pkcs11 = {{ {', '.join(members)} }}"
        if listed.public is not None:
            yield f"public = {relative(listed.public)}"
        yield f'alg = "{listed.alg}"'
        yield f'state = "{listed.state}"'
        if listed.since is not None:
            yield f"since = {datetime.fromtimestamp(listed.since, UTC).isoformat()}"
        yield ""

    lines = [_HEAD, ""]
    for table, entries in (("signing", index.signing), ("encryption", index.encryption)):
        for listed in entries:
            lines += entry(table, listed)
    for use, used in (("sealing", index.sealing), ("audit", index.audit)):
        previous = ", ".join(map(relative, used.previous))
        lines += [f"[{use}]", f"current = {relative(used.current)}", f"previous = [{previous}]", ""]
    return "\n".join(lines)
