"""Rotation of the broker's keys at one provider: the files that its settings name take turns.

The settings name as many files as keys are known at once, and stay as they are. For signatures these are `key_file`,
and in `published_key_files` the next key and the previous one; for decryption the current key and previous ones in
`encryption_key_files`. Each file is replaced as a whole, and in an order in which an interruption loses no key.
"""

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from broker.crypto.jose import load_signing_key, new_signing_key_pem
from broker.crypto.jwe_upstream import UpstreamDecryptionKey, load_upstream_decryption_key
from broker.crypto.keys import KeyChange
from broker.crypto.keys.manager import when
from broker.platform.operator_files import content
from broker.settings import ProviderEntry
from broker.wiring.errors import CommandError
from broker.wiring.generate_secrets import write

NOTICE: Final = 86_400
"""Seconds for which a key is published before the one before it is given up: providers keep a key set for a day."""

_ALGORITHMS: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "": "RS256"}
"""The signature algorithm whose keys are of the same kind as a key for decryption, by its curve."""


def rotate_signing(entry: ProviderEntry, now: float, *, hurry: bool) -> Sequence[KeyChange]:
    """Lets the next key sign, keeps the one before as the previous one, and makes a new next key.

    `hurry` does not wait until the next key was published for `NOTICE`. Raises CommandError.
    """
    own = [key for key in entry.own_keys() if key.setting.startswith(("key_file", "published_key_files["))]
    known = dict(entry.settings)
    if len(own) < 3:
        fix = "list two files there: the next key, and the previous one; `portico keys init` makes them"
        raise CommandError(f"{entry.id}: published_key_files: a rotation needs a next and a previous key\n    {fix}")
    if known.get("key_id") is not None:
        fix = "remove key_id, and tell the provider the key's thumbprint (`portico keys public`)"
        raise CommandError(f"{entry.id}: key_id: two keys would have this id one after the other\n    {fix}")
    current, following, previous = (key.path for key in own[:3])
    algorithm = own[0].algorithm or "ES256"
    if content(current) == content(following):  # the last rotation was interrupted before its last step
        return [_announced(following, algorithm, now)]
    _wait(entry, following, now, "the provider may not know the next key yet", hurry=hurry)
    _replace(previous, content(current), now)
    _replace(current, content(following), now)
    return [
        KeyChange("provider_key_retired", algorithm, _kid(previous, algorithm)),
        KeyChange("provider_key_promoted", algorithm, _kid(current, algorithm)),
        _announced(following, algorithm, now),
    ]


def rotate_decryption(entry: ProviderEntry, now: float, *, hurry: bool) -> Sequence[KeyChange]:
    """Makes a new key to which the provider encrypts, and keeps the ones before in the other files.

    `hurry` does not wait for `NOTICE` since the last rotation, after which no token is encrypted to the oldest key any
    more. Raises CommandError.
    """
    slots = [key.path for key in entry.own_keys() if key.setting.startswith("encryption_key_files[")]
    if len(slots) < 2:
        fix = "list a second file there: the previous key; `portico keys init` makes it"
        raise CommandError(f"{entry.id}: encryption_key_files: a rotation needs a previous key\n    {fix}")
    before = _decryption_key(content(slots[0]))
    _wait(entry, slots[0], now, "the provider may still encrypt to the oldest key, which is given up", hurry=hurry)
    for newer, older in reversed([*pairwise(slots)]):
        _replace(older, content(newer), now)
    made = new_signing_key_pem(_ALGORITHMS[before.curve], upstream=True)
    _replace(slots[0], made, now)
    return [
        KeyChange("provider_key_retired", before.algorithms[0], before.kid),
        KeyChange("provider_key_promoted", before.algorithms[0], _decryption_key(made).kid),
    ]


def _decryption_key(pem: bytes) -> UpstreamDecryptionKey:
    try:
        return load_upstream_decryption_key(pem, "ECDH-ES")
    except ValueError:
        return load_upstream_decryption_key(pem, "RSA-OAEP")


def _announced(path: Path, algorithm: str, now: float) -> KeyChange:
    """Makes a new next key."""
    _replace(path, new_signing_key_pem(algorithm, upstream=True), now)
    return KeyChange("provider_key_announced", algorithm, _kid(path, algorithm))


def _kid(path: Path, algorithm: str) -> str:
    return load_signing_key(content(path), algorithm, upstream=True).kid


def _wait(entry: ProviderEntry, path: Path, now: float, why: str, *, hurry: bool) -> None:
    """Raises CommandError if a file was made less than `NOTICE` ago."""
    ready = path.stat().st_mtime + NOTICE
    if now < ready and not hurry:
        raise CommandError(f"{entry.id}: {path.name}: {why}\n    run it again from {when(ready)}, or with --now")


def _replace(path: Path, pem: bytes, now: float) -> None:
    """Replaces a file in one step, durably, for its owner alone; its time of change is `now`."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    write(beside, pem)
    os.utime(beside, (now, now))
    beside.replace(path)
