"""Keys in a PKCS#11 token, such as a hardware security module, which never export their private half."""

import json
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from broker.crypto import jose
from broker.crypto.jose import InvalidToken, SigningKey
from broker.crypto.keys.index import InToken, KeyEntry
from broker.crypto.keys.pkcs11_errors import ALGORITHMS, Pkcs11Unavailable
from broker.crypto.signing import remote_key
from broker.platform.operator_files import text
from broker.platform.toml_loader import Problem

if TYPE_CHECKING:
    from broker.crypto.keys.pkcs11_session import Pkcs11Module, Pkcs11Token


class Pkcs11Tokens:
    """Open tokens of a process. `tick` is a monotonic clock in seconds; commands, which try once, need none."""

    def __init__(self, tick: Callable[[], float] | None = None) -> None:
        self._tick, self._lock = tick or (lambda: 0.0), threading.Lock()
        self._libraries: dict[Path, Pkcs11Module] = {}
        self._tokens: dict[tuple[Path, str, Path], Pkcs11Token] = {}

    def at(self, place: InToken) -> "Pkcs11Token":
        """Token of a place. It is not accessed yet."""
        from broker.crypto.keys.pkcs11_session import (  # imported here: only keys in tokens need it
            Pkcs11Module,
            Pkcs11Token,
        )

        name = (place.module, place.token, place.pin_file)
        with self._lock:
            if name not in self._tokens:
                library = self._libraries.setdefault(place.module, Pkcs11Module(place.module))
                self._tokens[name] = Pkcs11Token(library, place, self._tick)
            return self._tokens[name]

    def close(self, *, wait: bool = False) -> None:
        """Ends the threads, and waits for them on request."""
        for library in self._libraries.values():
            library.close(wait=wait)


class TokenSigner:
    """Signer for one key in a token (see `broker.crypto.signing`)."""

    def __init__(self, token: "Pkcs11Token", place: InToken, kid: str, alg: str) -> None:
        self._token, self._place, self._kid, self._alg = token, place, kid, alg

    async def sign(self, data: bytes) -> bytes:
        """Signs. Raises StoreUnavailable."""
        return await self._token.sign(self._place, self._kid, self._alg, data)


def finalize_libraries() -> None:
    """Finalises every PKCS#11 library that this process has loaded.

    A process that forks does so first: the child may not use what its parent initialised (PKCS#11 3.1, 5.4).
    """
    objects = sys.modules.get("broker.crypto.keys.pkcs11_objects")  # imported only for keys in tokens
    if objects is not None:
        objects.finalize_libraries()


def token_key(entry: KeyEntry, place: InToken, tokens: Pkcs11Tokens, problems: list[Problem]) -> SigningKey | None:
    """Key of an entry; None if that fails, with the problem appended. The token is accessed only for a missing public
    half.
    """
    if entry.alg not in ALGORITHMS or (place.label is None and place.id is None):
        fix = f"give alg as one of {', '.join(sorted(ALGORITHMS))}, and label or id as the object has it"
        problems.append(Problem(entry.place, "is not a valid description of a key in a token", fix))
        return None
    try:
        jwk = public_half(place, tokens) if entry.public is None else json.loads(text(entry.public))
        if not isinstance(jwk, Mapping):
            raise ValueError("it is not a JSON object")
        kid = jose.thumbprint(jwk)
        return remote_key(jwk, entry.alg, TokenSigner(tokens.at(place), place, kid, entry.alg))
    except Pkcs11Unavailable as problem:
        fix = f"{problem.fix}; `portico keys init`, run while it is available, stores the public half for later starts"
        problems.append(Problem(entry.place, problem.what, fix))
    except (OSError, ValueError, InvalidToken) as problem:
        fix = "remove public from the entry, and run `portico keys init` to write it again"
        problems.append(Problem(str(entry.public), f"holds no public half that serves {entry.alg}: {problem}", fix))
    return None


def public_half(place: InToken, tokens: Pkcs11Tokens) -> Mapping[str, str]:
    """Public half of a key, read from the token. Raises Pkcs11Unavailable."""
    token = tokens.at(place)
    return token.library.call(lambda: token.public(place))
