"""Session with a PKCS#11 token, and the thread that makes all calls into its library.

Imported only if a key is in a token, since the binding takes 9 MB of a process.

The binding initialises a library without thread support, so one thread makes all calls into it, one after the other;
the event loop never waits for a token. An unavailable token is tried again with the next signature, at most once a
second. A rejected PIN is not tried again until its file changes, since tokens lock themselves after a few wrong ones.
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
"""Time limit of a signature in seconds; after that the caller gets StoreUnavailable."""

WAITING: Final = 256
"""Maximum number of waiting signatures per library; beyond it the caller gets StoreUnavailable at once."""

AGAIN: Final = 1.0
"""Time in seconds between two attempts to reach an unavailable token."""

T = TypeVar("T")


class Pkcs11Module:
    """PKCS#11 library, and the thread that makes all calls into it."""

    def __init__(self, module: Path) -> None:
        self.module = module
        self.starts = 0
        """Number of initialisations of the library: each one invalidates all sessions."""
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="pkcs11")
        self._waiting = 0

    def call(self, work: Callable[[], T]) -> T:
        """Runs a function in the thread of the library, and waits for it."""
        return self._pool.submit(work).result()

    async def ask(self, work: Callable[[], T]) -> T:
        """Runs a function in the thread of the library without blocking the event loop. Raises StoreUnavailable."""
        if self._waiting >= WAITING:
            raise StoreUnavailable("too many signatures wait for the token")
        self._waiting += 1
        try:
            return await asyncio.wait_for(asyncio.wrap_future(self._pool.submit(work)), DEADLINE)
        except TimeoutError:
            raise StoreUnavailable("the token is too slow") from None
        finally:
            self._waiting -= 1

    def start(self, *, restart: bool) -> Any:
        """Initialises the library if necessary, or again on request: many libraries detect a reconnected token only
        then.
        """
        loaded = pkcs11_objects.library(str(self.module))
        if restart:
            loaded.reinitialize()
        if restart or self.starts == 0:
            self.starts += 1
        return loaded

    def close(self, *, wait: bool = False) -> None:
        """Ends the thread once its queue is empty, and waits for that on request."""
        self._pool.shutdown(wait=wait)


class Pkcs11Token:
    """PKCS#11 token. All methods but `sign` run in the thread of its library."""

    def __init__(self, library: Pkcs11Module, place: InToken, tick: Callable[[], float]) -> None:
        self.library = library
        self._label, self._pin_file, self._tick = place.token, place.pin_file, tick
        self._session: Any = None
        self._starts = 0
        self._keys: dict[str, Any] = {}
        self._failure: Pkcs11Unavailable | None = None
        self._refused: bytes | None = None
        self._tried = float("-inf")

    async def sign(self, place: InToken, kid: str, alg: str, data: bytes) -> bytes:
        """Signs with one of its keys. Raises StoreUnavailable while the token is unavailable."""
        try:
            return await self.library.ask(lambda: self._signed(place, kid, alg, data))
        except Pkcs11Unavailable as problem:
            raise StoreUnavailable(f"token {self._label}: {problem.what}") from None

    def public(self, place: InToken) -> Mapping[str, str]:
        """Public half of one of its keys. Raises Pkcs11Unavailable."""
        return self._with_retry(lambda: pkcs11_objects.public_jwk(self._opened(), place.label, place.id))

    def generate(self, alg: str, label: str, object_id: bytes) -> None:
        """Generates a key pair. Raises Pkcs11Unavailable."""
        self._with_retry(lambda: pkcs11_objects.generate(self._opened(), alg, label, object_id))

    def _signed(self, place: InToken, kid: str, alg: str, data: bytes) -> bytes:
        return self._with_retry(lambda: pkcs11_objects.signature(self._key(place, kid), alg, data))

    def _with_retry(self, work: Callable[[], T]) -> T:
        """Runs a function, and once more in a new session if the session became invalid. Logs when availability
        changes.
        """
        fresh = self._session is None
        try:
            try:
                done = work()
            except pkcs11_objects.faults():
                self._forget()
                if fresh:
                    raise
                done = work()
        except Pkcs11Unavailable as problem:
            self._forget()
            self._note(problem)
            raise
        except pkcs11_objects.faults() as problem:
            self._forget()
            silent = Pkcs11Unavailable(
                f"it does not answer ({pkcs11_objects.describe_error(problem)})", "look at the token and its service"
            )
            self._note(silent)
            raise silent from None
        if self._failure is not None:
            LOG.warning("hsm_recovered", extra={"token": self._label})
            self._failure = None
        return done

    def _note(self, problem: Pkcs11Unavailable) -> None:
        if self._failure is None or self._failure.what != problem.what:
            LOG.error("hsm_unavailable", extra={"token": self._label, "problem": problem.what, "fix": problem.fix})
        self._failure = problem

    def _forget(self) -> None:
        self._session = None
        self._keys.clear()

    def _opened(self) -> Any:
        """Session, opened if there is none or if the library was initialised again since."""
        if self._session is not None and self._starts == self.library.starts:
            return self._session
        self._forget()
        now = self._tick()
        if self._failure is not None and now - self._tried < AGAIN:
            raise self._failure
        self._tried = now
        pin = self._pin()
        # the session failed although the library was not initialised again: it must detect the token again
        lost = self._starts == self.library.starts and self._starts > 0
        loaded = self.library.start(restart=lost or self._failure is not None)
        try:
            self._session = pkcs11_objects.session(loaded, self._label, pin.decode("utf-8", "replace"))
        except Pkcs11Unavailable as problem:
            self._refused = pin if problem.pin else None
            raise
        finally:
            self._starts = self.library.starts
        return self._session

    def _pin(self) -> bytes:
        problems: list[Problem] = []
        pin = read_private(self._pin_file, problems)
        if pin is None or problems:
            raise Pkcs11Unavailable(f"its PIN cannot be read: {problems[0].path} {problems[0].what}", problems[0].fix)
        try:
            pin = first_line(pin).encode()
        except Unfit as unfit:
            raise Pkcs11Unavailable(f"its PIN cannot be read: {self._pin_file}: {unfit.what}", unfit.fix) from None
        if pin == self._refused and self._failure is not None:
            raise self._failure
        return pin

    def _key(self, place: InToken, kid: str) -> Any:
        opened = self._opened()
        known = self._keys.get(kid)
        if known is None:
            if jose.thumbprint(pkcs11_objects.public_jwk(opened, place.label, place.id)) != kid:
                fix = "restore the published key, or remove its entry from keys.toml"
                raise Pkcs11Unavailable(f'the key "{place.label or place.id}" is not the one that is published', fix)
            known = self._keys[kid] = pkcs11_objects.private_key(opened, place.label, place.id)
        return known
