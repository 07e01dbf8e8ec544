"""Keys that never leave their token: a hardware security module, reached through its PKCS#11 library."""

import json
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
    """The tokens that a process has open. `tick` gives seconds that never go back; commands try once, and have none."""

    def __init__(self, tick: Callable[[], float] | None = None) -> None:
        self._tick, self._lock = tick or (lambda: 0.0), threading.Lock()
        self._libraries: dict[Path, Pkcs11Module] = {}
        self._tokens: dict[tuple[Path, str, Path], Pkcs11Token] = {}

    def at(self, place: InToken) -> "Pkcs11Token":
        """The token of a place. It is not asked for anything yet."""
        from broker.crypto.keys.pkcs11_session import (  # here, since brokers with keys in files need none of it
            Pkcs11Module,
            Pkcs11Token,
        )

        name = (place.module, place.token, place.pin_file)
        with self._lock:
            if name not in self._tokens:
                library = self._libraries.setdefault(place.module, Pkcs11Module(place.module))
                self._tokens[name] = Pkcs11Token(library, place, self._tick)
            return self._tokens[name]

    def close(self) -> None:
        """Lets the threads end."""
        for library in self._libraries.values():
            library.close()


class TokenSigner:
    """One key in a token, as `broker.crypto.signing` wants it."""

    def __init__(self, token: "Pkcs11Token", place: InToken, kid: str, alg: str) -> None:
        self._token, self._place, self._kid, self._alg = token, place, kid, alg

    async def sign(self, data: bytes) -> bytes:
        """The signature. Raises StoreUnavailable."""
        return await self._token.sign(self._place, self._kid, self._alg, data)


def token_key(entry: KeyEntry, place: InToken, tokens: Pkcs11Tokens, problems: list[Problem]) -> SigningKey | None:
    """The key of an entry, or None and what is wrong. The token itself is asked only for a missing public half."""
    if entry.alg not in ALGORITHMS or (place.label is None and place.id is None):
        mend = f"give alg as one of {', '.join(sorted(ALGORITHMS))}, and label or id as the object has it"
        problems.append(Problem(entry.place, "is not described as a key in a token is", mend))
        return None
    try:
        jwk = public_half(entry, place, tokens) if entry.public is None else json.loads(text(entry.public))
        if not isinstance(jwk, Mapping):
            raise ValueError("it is no JSON object")
        kid = jose.thumbprint(jwk)
        return remote_key(jwk, entry.alg, TokenSigner(tokens.at(place), place, kid, entry.alg))
    except Pkcs11Unavailable as absent:
        mend = f"{absent.mend}; `portico keys init`, run while it is there, makes later starts go without it"
        problems.append(Problem(entry.place, absent.what, mend))
    except (OSError, ValueError, InvalidToken) as problem:
        mend = "let `portico keys init` write the public half anew: take public out of the entry"
        problems.append(Problem(str(entry.public), f"holds no public half that serves {entry.alg}: {problem}", mend))
    return None


def public_half(entry: KeyEntry, place: InToken, tokens: Pkcs11Tokens) -> Mapping[str, str]:
    """What the token says is the public half of an entry's key. Raises Pkcs11Unavailable."""
    token = tokens.at(place)
    return token.library.call(lambda: token.public(place))
