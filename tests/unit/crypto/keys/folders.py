"""Folders with elliptic curve keys, which are fast to create."""

from pathlib import Path

from broker.crypto import jose
from broker.crypto.keys import KeyManager, KeyState, RotationPolicy
from broker.crypto.keys.index import INDEX, Index, KeyEntry, Used, render, write_new
from broker.crypto.keys.manager import write_key
from tests.support.system import FakeRandom

DAY = 86400
START = 1_800_000_000.0
DRAW = FakeRandom().draw
POLICY = RotationPolicy(last_use=660)


def small(folder: Path, *algorithms: str, since: float | None = START) -> Path:
    """A folder whose keys sign with these algorithms since then, and which has no key to decrypt with."""
    folder.mkdir(mode=0o700)
    signing = [
        KeyEntry(alg, KeyState.CURRENT, folder / write_key(folder, alg.lower(), jose.new_signing_key_pem(alg), DRAW))
        for alg in algorithms
    ]
    index = Index(
        signing=tuple(KeyEntry(each.alg, each.state, each.file, since=since) for each in signing),
        sealing=Used(folder / write_key(folder, "sealing", bytes(32), DRAW, "key")),
        audit=Used(folder / write_key(folder, "audit", jose.new_signing_key_pem("EdDSA"), DRAW)),
    )
    write_new(folder / INDEX, render(index, folder).encode())
    return folder


def changes(folder: Path, policy: RotationPolicy = POLICY) -> KeyManager:
    """The changes of a folder."""
    return KeyManager(folder, DRAW, policy)
