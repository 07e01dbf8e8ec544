"""A token that is reached through its PKCS#11 library: the thread that makes all calls into it, and its session.

Loaded where a key lives in a token, and nowhere else, since the binding takes 9 MB of a process.

The binding starts a library without telling it of threads, so all calls into one library are made one after the other,
by one thread of its own: the event loop never waits for a token. A token that is gone is looked for again with the
next signature that is wanted, at most once a second. A PIN that was refused is not tried again until its file has
changed: tokens lock themselves after a few wrong ones.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from broker.crypto import jose
from broker.crypto.keys import pkcs11_objects
from broker.crypto.keys.index import InToken, read_private
from broker.crypto.keys.pkcs11_errors import Pkcs11Unavailable
from broker.model.store_results import StoreUnavailable
from broker.platform.operator_files import Unfit, first_line
from broker.platform.toml_loader import Problem

LOG: Final = logging.getLogger("portico.keys")
DEADLINE: Final = 5.0
"""Seconds that a signature may take before the caller is told to come again."""

WAITING: Final = 256
"""Signatures that may wait for one library. With more the caller is told to come again at once."""

AGAIN: Final = 1.0
"""Seconds between two looks for a token that is gone."""

T = TypeVar("T")


class Pkcs11Module:
    """One PKCS#11 library and the thread that makes all calls into it."""

    def __init__(self, module: Path) -> None:
        self.module = module
        self.begun = 0
        """How often the library was begun: sessions of before are void."""
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="pkcs11")
        self._waiting = 0

    def call(self, work: Callable[[], T]) -> T:
        """Does something in the thread of the library, and waits for it."""
        return self._pool.submit(work).result()

    async def ask(self, work: Callable[[], T]) -> T:
        """Does something in the thread of the library without holding up the loop. Raises StoreUnavailable."""
        if self._waiting >= WAITING:
            raise StoreUnavailable("too many signatures wait for the token")
        self._waiting += 1
        try:
            return await asyncio.wait_for(asyncio.wrap_future(self._pool.submit(work)), DEADLINE)
        except TimeoutError:
            raise StoreUnavailable("the token is too slow") from None
        finally:
            self._waiting -= 1

    def begin(self, anew: bool) -> Any:
        """The library, ready for sessions; begun anew if asked: many see a token that came back only then."""
        loaded = pkcs11_objects.library(str(self.module))
        if anew:
            loaded.reinitialize()
        if anew or self.begun == 0:
            self.begun += 1
        return loaded

    def close(self) -> None:
        """Ends the thread once nothing waits for it."""
        self._pool.shutdown(wait=False)


class Pkcs11Token:
    """One token. All but `sign` runs in the thread of its library."""

    def __init__(self, library: Pkcs11Module, place: InToken, tick: Callable[[], float]) -> None:
        self.library = library
        self._label, self._pin_file, self._tick = place.token, place.pin_file, tick
        self._session: Any = None
        self._begun = 0
        self._keys: dict[str, Any] = {}
        self._failure: Pkcs11Unavailable | None = None
        self._refused: bytes | None = None
        self._tried = float("-inf")

    async def sign(self, place: InToken, kid: str, alg: str, data: bytes) -> bytes:
        """A signature by one of the token's keys. Raises StoreUnavailable while there is none to be had."""
        try:
            return await self.library.ask(lambda: self._signed(place, kid, alg, data))
        except Pkcs11Unavailable as absent:
            raise StoreUnavailable(f"token {self._label}: {absent.what}") from None

    def public(self, place: InToken) -> Mapping[str, str]:
        """The public half of one of its keys. Raises Pkcs11Unavailable."""
        return self._with_retry(lambda: pkcs11_objects.public_jwk(self._opened(), place.label, place.id))

    def generate(self, alg: str, label: str, id: bytes) -> None:
        """Makes a key pair in it. Raises Pkcs11Unavailable."""
        self._with_retry(lambda: pkcs11_objects.generate(self._opened(), alg, label, id))

    def _signed(self, place: InToken, kid: str, alg: str, data: bytes) -> bytes:
        return self._with_retry(lambda: pkcs11_objects.signature(self._key(place, kid), alg, data))

    def _with_retry(self, work: Callable[[], T]) -> T:
        """Does something, and once more in a new session where the old one is void. The log says when that changes."""
        fresh = self._session is None
        try:
            try:
                done = work()
            except pkcs11_objects.faults():
                self._forget()
                if fresh:
                    raise
                done = work()
        except Pkcs11Unavailable as absent:
            self._forget()
            self._note(absent)
            raise
        except pkcs11_objects.faults() as problem:
            self._forget()
            silent = Pkcs11Unavailable(
                f"it does not answer ({pkcs11_objects.told(problem)})", "look at the token and its service"
            )
            self._note(silent)
            raise silent from None
        if self._failure is not None:
            LOG.warning("hsm_recovered", extra={"token": self._label})
            self._failure = None
        return done

    def _note(self, absent: Pkcs11Unavailable) -> None:
        if self._failure is None or self._failure.what != absent.what:
            LOG.error("hsm_unavailable", extra={"token": self._label, "problem": absent.what, "mend": absent.mend})
        self._failure = absent

    def _forget(self) -> None:
        self._session = None
        self._keys.clear()

    def _opened(self) -> Any:
        """The session, opened if there is none or the library was begun anew since."""
        if self._session is not None and self._begun == self.library.begun:
            return self._session
        self._forget()
        now = self._tick()
        if self._failure is not None and now - self._tried < AGAIN:
            raise self._failure
        self._tried = now
        pin = self._pin()
        # a session of ours that failed while nobody began the library anew: it does not see what happened
        lost = self._begun == self.library.begun and self._begun > 0
        loaded = self.library.begin(anew=lost or self._failure is not None)
        try:
            self._session = pkcs11_objects.session(loaded, self._label, pin.decode("utf-8", "replace"))
        except Pkcs11Unavailable as absent:
            self._refused = pin if absent.pin else None
            raise
        finally:
            self._begun = self.library.begun
        return self._session

    def _pin(self) -> bytes:
        problems: list[Problem] = []
        pin = read_private(self._pin_file, problems)
        if pin is None or problems:
            raise Pkcs11Unavailable(f"its PIN cannot be had: {problems[0].path} {problems[0].what}", problems[0].fix)
        try:
            pin = first_line(pin).encode()
        except Unfit as unfit:
            raise Pkcs11Unavailable(f"its PIN cannot be had: {self._pin_file}: {unfit.what}", unfit.mend) from None
        if pin == self._refused and self._failure is not None:
            raise self._failure
        return pin

    def _key(self, place: InToken, kid: str) -> Any:
        opened = self._opened()
        known = self._keys.get(kid)
        if known is None:
            if jose.thumbprint(pkcs11_objects.public_jwk(opened, place.label, place.id)) != kid:
                mend = "put the key back that was there, or take its entry out of keys.toml"
                raise Pkcs11Unavailable(f'the key "{place.label or place.id}" is not the one that is published', mend)
            known = self._keys[kid] = pkcs11_objects.private_key(opened, place.label, place.id)
        return known
