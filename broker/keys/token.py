"""Keys that never leave their token: a hardware security module, reached through its PKCS#11 library."""

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from broker import jose
from broker.jose import SigningKey, Untrusted
from broker.keys.absent import ALGORITHMS, Absent
from broker.keys.index import InToken, Listed
from broker.operator_files import text
from broker.signing import remote_key
from broker.toml import Problem

if TYPE_CHECKING:
    from broker.keys.library import Library, Token


class Tokens:
    """The tokens that a process has open. `tick` gives seconds that never go back; commands try once, and have none."""

    def __init__(self, tick: Callable[[], float] | None = None) -> None:
        self._tick, self._lock = tick or (lambda: 0.0), threading.Lock()
        self._libraries: dict[Path, Library] = {}
        self._tokens: dict[tuple[Path, str, Path], Token] = {}

    def at(self, place: InToken) -> "Token":
        """The token of a place. It is not asked for anything yet."""
        from broker.keys.library import Library, Token  # here, since brokers with keys in files need none of it

        name = (place.module, place.token, place.pin_file)
        with self._lock:
            if name not in self._tokens:
                library = self._libraries.setdefault(place.module, Library(place.module))
                self._tokens[name] = Token(library, place, self._tick)
            return self._tokens[name]

    def close(self) -> None:
        """Lets the threads end."""
        for library in self._libraries.values():
            library.close()


class TokenSigner:
    """One key in a token, as `broker.signing` wants it."""

    def __init__(self, token: "Token", place: InToken, kid: str, alg: str) -> None:
        self._token, self._place, self._kid, self._alg = token, place, kid, alg

    async def sign(self, data: bytes) -> bytes:
        """The signature. Raises Unavailable."""
        return await self._token.sign(self._place, self._kid, self._alg, data)


def token_key(entry: Listed, place: InToken, tokens: Tokens, problems: list[Problem]) -> SigningKey | None:
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
    except Absent as absent:
        mend = f"{absent.mend}; `portico keys init`, run while it is there, makes later starts go without it"
        problems.append(Problem(entry.place, absent.what, mend))
    except (OSError, ValueError, Untrusted) as problem:
        mend = "let `portico keys init` write the public half anew: take public out of the entry"
        problems.append(Problem(str(entry.public), f"holds no public half that serves {entry.alg}: {problem}", mend))
    return None


def public_half(entry: Listed, place: InToken, tokens: Tokens) -> Mapping[str, str]:
    """What the token says is the public half of an entry's key. Raises Absent."""
    token = tokens.at(place)
    return token.library.call(lambda: token.public(place))
