"""Key manager: applies changes to the folder of keys, exclusively and durably.

Order of a change: new files are written, then `keys.toml` is replaced atomically, then files that it no longer names
are deleted. A crash in between leaves at most an unused file. A published key set always contains every key that signs.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from broker.crypto import jose, jwe
from broker.crypto.keys import rotation
from broker.crypto.keys.index import (
    INDEX,
    Index,
    KeyEntry,
    KeyState,
    KeysUnusable,
    Used,
    digest,
    load_index,
    locked,
    render,
    replace_index,
    sync_folder,
    unusable,
    write_new,
)
from broker.crypto.keys.pkcs11 import Pkcs11Tokens, public_half
from broker.crypto.keys.pkcs11_errors import ALGORITHMS as IN_TOKENS
from broker.crypto.keys.pkcs11_errors import Pkcs11Unavailable
from broker.crypto.keys.ring import ALGORITHMS, AUDIT_ALG, SEALING_SIZE, KeyRing, load_all
from broker.crypto.keys.rotation import RotationPolicy, RotationStep

Draw = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class KeyChange:
    """Changed key: a past-tense name for the audit record, its algorithm and its id."""

    kind: str
    alg: str
    kid: str


@dataclass(frozen=True, slots=True)
class KeyManager:
    """Changes to a folder of keys. `draw(n)` returns n unpredictable bytes; `now` is seconds since 1970 UTC.

    Each method raises KeysUnusable, and changes nothing, if the folder is invalid or locked by another process.
    """

    folder: Path
    draw: Draw
    policy: RotationPolicy
    tokens: Pkcs11Tokens = field(default_factory=Pkcs11Tokens)

    def rotate(self, alg: str, now: float, *, hurry: bool = False) -> list[KeyChange]:
        """Performs the next step for an algorithm: publishes a new key, or makes the published one current.

        Decryption keys need one step. Raises KeysUnusable if the next key was not published for long enough, unless
        `hurry` is set.
        """
        with self._opened() as (index, ring, expected):
            if alg in jwe.KEY_ALGORITHMS:
                return self._swap_encryption(index, ring, expected, alg, now)
            due = rotation.next_step(index.signing, alg, self.policy)
            if due.step is RotationStep.ANNOUNCE and not hurry:
                return self._announce(index, ring, expected, alg, now)
            if due.step is RotationStep.ANNOUNCE:
                raise unusable(self.folder, f"there is no next key for {alg}", "run `portico keys rotate` to make one")
            if due.at > now and not hurry:
                raise unusable(
                    self.folder,
                    f"the next key for {alg} is not known to every service before {when(due.at)}",
                    "wait; with --now it signs at once, and services that cache the key set reject its tokens",
                )
            return self._replaced(
                index, ring, expected, replace(index, signing=rotation.promote(index.signing, alg, now))
            )

    def announce(self, alg: str, now: float) -> list[KeyChange]:
        """First step of an emergency rotation: publishes a new key, which replaces a waiting one."""
        with self._opened() as (index, ring, expected):
            return self._announce(index, ring, expected, alg, now)

    def promote_and_purge(self, alg: str, now: float) -> list[KeyChange]:
        """Second step: makes the published key current, and removes every other key for the algorithm from the key set.

        Signatures of the removed keys no longer verify.
        """
        with self._opened() as (index, ring, expected):
            if rotation.find_key(index.signing, alg, KeyState.NEXT) is None:
                raise unusable(self.folder, f"there is no next key for {alg}", "run `portico keys rotate` to make one")
            left = rotation.remove_all_but_current(rotation.promote(index.signing, alg, now), alg)
            return self._replaced(index, ring, expected, replace(index, signing=left))

    def retire(self, now: float) -> list[KeyChange]:
        """Removes the retired keys that are no longer needed."""
        with self._opened() as (index, ring, expected):
            left = replace(
                index,
                signing=rotation.remove_expired(index.signing, self.policy, now),
                encryption=rotation.remove_expired(index.encryption, self.policy, now, encryption=True),
            )
            return self._replaced(index, ring, expected, left) if left != index else []

    def apply_schedule(self, now: float) -> list[KeyChange]:
        """Performs the automatic steps that are due. If none is due, it neither locks nor writes."""
        made: list[KeyChange] = []
        for due in self.due(now):
            made += self.retire(now) if due.step is RotationStep.REMOVE else self.rotate(due.alg, now)
        return made

    def due(self, now: float) -> list[rotation.DueRotation]:
        """Automatic steps that are due, at most one of a kind for an algorithm."""
        index, problems = load_index(self.folder)
        if index is None:
            raise KeysUnusable(problems)
        index = dated(index, self.folder)
        steps = rotation.schedule(index.signing, self.policy)
        steps += rotation.schedule(index.encryption, self.policy, encryption=True)
        return [due for due in steps if due.at <= now]

    @contextmanager
    def _opened(self) -> Iterator[tuple[Index, KeyRing, bytes]]:
        with locked(self.folder):
            expected = digest(self.folder)
            ring = load_all(self.folder, self.tokens)
            index, problems = load_index(self.folder)
            if index is None:
                raise KeysUnusable(problems)
            try:
                yield dated(index, self.folder), ring, expected
            except OSError as problem:
                what = f"cannot be changed: {problem.strerror}"
                raise unusable(self.folder, what, "let this user write there, and make room") from None

    def _announce(self, index: Index, ring: KeyRing, expected: bytes, alg: str, now: float) -> list[KeyChange]:
        fresh = self._fresh(index, alg)
        return self._replaced(
            index, ring, expected, replace(index, signing=rotation.announce(index.signing, fresh, now))
        )

    def _swap_encryption(self, index: Index, ring: KeyRing, expected: bytes, alg: str, now: float) -> list[KeyChange]:
        name = write_key(self.folder, alg.lower(), jwe.new_decryption_key_pem(alg), self.draw)
        fresh = KeyEntry(alg, KeyState.CURRENT, self.folder / name, since=now)
        old = tuple(
            replace(entry, state=KeyState.RETIRED, since=now)
            if entry.alg == alg and entry.state is KeyState.CURRENT
            else entry
            for entry in index.encryption
        )
        return self._replaced(index, ring, expected, replace(index, encryption=(*old, fresh)))

    def _fresh(self, index: Index, alg: str) -> KeyEntry:
        """Generates a key in the same place as the current one: in the folder or in its token."""
        current = rotation.find_key(index.signing, alg, KeyState.CURRENT)
        if current is None or current.pkcs11 is None:
            try:
                pem = jose.new_signing_key_pem(alg)
            except ValueError as problem:
                known = ", ".join((*ALGORITHMS, *jwe.KEY_ALGORITHMS))
                raise unusable("--alg", str(problem), f"known here: {known}") from None
            return KeyEntry(alg, KeyState.NEXT, self.folder / write_key(self.folder, alg.lower(), pem, self.draw))
        label, object_id = f"portico-{alg.lower()}-{self.draw(4).hex()}", self.draw(8)
        place = replace(current.pkcs11, label=label, id=object_id.hex())
        token = self.tokens.at(place)
        try:
            token.library.call(lambda: token.generate(alg, label, object_id))
            fresh = KeyEntry(alg, KeyState.NEXT, pkcs11=place)
            return replace(fresh, public=self.folder / write_public(self.folder, fresh, self.tokens, self.draw))
        except Pkcs11Unavailable as problem:
            raise unusable(current.place, problem.what, problem.fix) from None

    def _replaced(self, index: Index, ring: KeyRing, expected: bytes, wanted: Index) -> list[KeyChange]:
        """Replaces the index, deletes the files of removed keys, and returns the changes."""
        replace_index(self.folder, wanted, expected)
        left = {entry.place for entry in (*wanted.signing, *wanted.encryption)}
        for entry in (*index.signing, *index.encryption):
            if entry.place not in left:
                for path in (entry.file, entry.public):
                    if path is not None and path.parent == self.folder:
                        path.unlink(missing_ok=True)
        sync_folder(self.folder)
        return list(_describe(ring, load_all(self.folder, self.tokens)))


_KINDS: Final = {
    KeyState.NEXT: "signing_key_shown",
    KeyState.CURRENT: "signing_key_used",
    KeyState.RETIRED: "signing_key_retired",
}


def _describe(before: KeyRing, after: KeyRing) -> Iterator[KeyChange]:
    for kid, entry in after.listed.items():
        known = before.listed.get(kid)
        if known is None or known.state is not entry.state:
            kind = _KINDS[entry.state]
            yield KeyChange(
                kind.replace("signing", "decryption") if entry.alg in jwe.KEY_ALGORITHMS else kind, entry.alg, kid
            )
    for kid, entry in before.listed.items():
        if kid not in after.listed:
            use = "decryption" if entry.alg in jwe.KEY_ALGORITHMS else "signing"
            yield KeyChange(f"{use}_key_removed", entry.alg, kid)


def when(at: float) -> str:
    """Formats a time for operators."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def dated(index: Index, folder: Path) -> Index:
    """Sets the date of entries without one to the modification time of the file, since they cannot be newer."""
    at = (folder / INDEX).stat().st_mtime
    entries = [
        tuple(entry if entry.since is not None else replace(entry, since=at) for entry in group)
        for group in (index.signing, index.encryption)
    ]
    return replace(index, signing=entries[0], encryption=entries[1])


def create_all(folder: Path, draw: Draw, algorithms: Sequence[str] = ALGORITHMS, now: float | None = None) -> None:
    """Creates the first set of keys: one per signing algorithm and per encryption algorithm, a sealing secret, and the
    key for audit checkpoints.

    Only the owner can read the files. Raises KeysUnusable, and changes nothing, if keys exist; OSError if the folder
    cannot be written.
    """
    path = folder / INDEX
    if path.exists():
        raise unusable(path, "there are keys already", "name another folder, or move them away")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def made(alg: str, pem: bytes) -> KeyEntry:
        return KeyEntry(alg, KeyState.CURRENT, folder / write_key(folder, alg.lower(), pem, draw), since=now)

    index = Index(
        signing=tuple(made(alg, jose.new_signing_key_pem(alg)) for alg in algorithms),
        sealing=Used(folder / write_key(folder, "sealing", draw(SEALING_SIZE), draw, "key")),
        audit=Used(folder / write_key(folder, "audit", jose.new_signing_key_pem(AUDIT_ALG), draw)),
        encryption=tuple(made(alg, jwe.new_decryption_key_pem(alg)) for alg in jwe.KEY_ALGORITHMS),
    )
    write_new(path, render(index, folder).encode())
    sync_folder(folder)


def complete_all(folder: Path, draw: Draw, now: float, tokens: Pkcs11Tokens | None = None) -> list[str]:
    """Creates what a folder of an earlier release lacks: encryption keys, and public halves of keys in tokens.

    Returns the algorithms and places of what was created. Raises KeysUnusable.
    """
    opened, made = tokens or Pkcs11Tokens(), []
    with locked(folder):
        expected = digest(folder)
        load_all(folder, opened)
        index, problems = load_index(folder)
        if index is None:
            raise KeysUnusable(problems)
        wanted = dated(index, folder)
        for alg in jwe.KEY_ALGORITHMS:
            if rotation.find_key(wanted.encryption, alg, KeyState.CURRENT) is None:
                name = write_key(folder, alg.lower(), jwe.new_decryption_key_pem(alg), draw)
                fresh = KeyEntry(alg, KeyState.CURRENT, folder / name, since=now)
                wanted = replace(wanted, encryption=(*wanted.encryption, fresh))
                made.append(alg)
        signing = list(wanted.signing)
        for number, entry in enumerate(signing):
            if entry.pkcs11 is not None and entry.public is None and entry.alg in IN_TOKENS:
                signing[number] = replace(entry, public=folder / write_public(folder, entry, opened, draw))
                made.append(entry.place)
        if made:
            replace_index(folder, replace(wanted, signing=tuple(signing)), expected)
    return made


def write_public(folder: Path, entry: KeyEntry, tokens: Pkcs11Tokens, draw: Draw) -> str:
    """Stores the public half of a key in a token, so that the key set can be published without the token. Raises
    Pkcs11Unavailable.
    """
    if entry.pkcs11 is None:
        raise ValueError("the key is in a file")
    jwk = json.dumps(dict(public_half(entry.pkcs11, tokens)), indent=2) + "\n"
    return write_key(folder, entry.alg.lower(), jwk.encode(), draw, "public.json")


def write_key(folder: Path, use: str, content: bytes, draw: Draw, ending: str = "pem") -> str:
    """Writes a new file and returns its name."""
    name = f"{use.replace('+', '-')}-{draw(4).hex()}.{ending}"
    write_new(folder / name, content)
    return name
