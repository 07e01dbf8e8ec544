"""Files of keys and secrets: made once, for their owner alone, never replaced."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from broker.crypto import jose
from broker.crypto.keys import INDEX, create_all
from broker.settings import Content, Missing, Settings

SECRET_SIZE = 32
"""Random bytes in a client secret. It is written in hexadecimal, which no encoding of a header or form changes."""


def prepare(settings: Settings, draw: Callable[[int], bytes]) -> tuple[Path, ...]:
    """Makes everything that a development configuration names and does not have, and gives the paths of what it made.

    Keys and client secrets for both sides: the other side (a sample service, a simulated provider) reads the same
    secret file, or, for a service with keys, the private half that is put beside its key set with the ending `.pem`.
    `draw(n)` gives n unpredictable bytes. Raises ValueError outside development, where each side makes its own, and
    OSError if a file cannot be written.
    """
    broker = settings.broker
    if not broker.development:
        raise ValueError("outside development the other side makes its own secrets")
    made: list[Path] = []
    if not (broker.keys.folder / INDEX).exists():
        create_all(broker.keys.folder, draw)
        made.append(broker.keys.folder)
    for file in settings.missing:
        made += make(file, draw)
    for path in (broker.database.file, broker.audit.checkpoints, broker.notifications.outbox):
        if path is not None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return tuple(made)


def make(file: Missing, draw: Callable[[int], bytes]) -> tuple[Path, ...]:
    """Creates one file, and for a public key also the file of its private half."""
    match file.content:
        case Content.CLIENT_SECRET:
            write(file.path, draw(SECRET_SIZE).hex().encode() + b"\n")
            return (file.path,)
        case Content.PRIVATE_KEY:
            write(file.path, jose.new_signing_key_pem(file.algorithm, upstream=True))
            return (file.path,)
        case Content.PUBLIC_KEYS:
            pem = jose.new_signing_key_pem(file.algorithm)
            private = private_half(file.path)
            write(private, pem)
            keys = {"keys": [dict(jose.public_jwk(jose.load_signing_key(pem, file.algorithm)))]}
            write(file.path, json.dumps(keys, indent=2).encode() + b"\n")
            return private, file.path


def private_half(key_set: Path) -> Path:
    """Path of the private key of a generated key set: `shop.pem` beside `shop.jwks.json`."""
    return key_set.with_name(f"{key_set.name.partition('.')[0]}.pem")


def write(path: Path, content: bytes) -> None:
    """Writes a new file, durably, for its owner alone. Raises FileExistsError rather than replace one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
