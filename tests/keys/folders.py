"""Folders of keys that are quickly made: elliptic curves alone."""

from pathlib import Path

from broker import jose
from broker.keys import Changes, KeyState, Policy
from broker.keys.changing import write_key
from broker.keys.index import INDEX, Index, Listed, Used, render, write_new
from tests.machine.ambient import FakeChance

DAY = 86400
START = 1_800_000_000.0
DRAW = FakeChance().draw
POLICY = Policy(last_use=660)


def small(folder: Path, *algorithms: str, since: float | None = START) -> Path:
    """A folder whose keys sign with these algorithms since then, and which has no key to decrypt with."""
    folder.mkdir(mode=0o700)
    signing = [
        Listed(alg, KeyState.CURRENT, folder / write_key(folder, alg.lower(), jose.new_signing_key_pem(alg), DRAW))
        for alg in algorithms
    ]
    index = Index(
        signing=tuple(Listed(each.alg, each.state, each.file, since=since) for each in signing),
        sealing=Used(folder / write_key(folder, "sealing", bytes(32), DRAW, "key")),
        audit=Used(folder / write_key(folder, "audit", jose.new_signing_key_pem("EdDSA"), DRAW)),
    )
    write_new(folder / INDEX, render(index, folder).encode())
    return folder


def changes(folder: Path, policy: Policy = POLICY) -> Changes:
    """The changes of a folder."""
    return Changes(folder, DRAW, policy)
