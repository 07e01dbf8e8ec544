"""Ephemeral state in Redis, for any number of processes. Redis may lose any part of it at any moment.

A record is JSON: a version, the fields that a script needs in the clear, and the rest sealed for the name of its key.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec

from broker.crypto.seal import Sealer
from broker.journey.transaction import Transaction
from broker.model.handle import sha256_hex
from broker.model.rate_limit import RateLimit
from broker.model.request import AuthorizationRequest
from broker.model.session import PendingLogout
from broker.model.store_results import StoreUnavailable
from broker.platform.system import System
from broker.stores.ephemeral.redis_client import RedisClient, lifetime
from broker.stores.ephemeral.scripts import COUNT, CREATE, EPOCH, FETCH, FIRST_USE, GIVE_BACK, MIRROR_VERSION, PUT, SAVE
from broker.stores.record_codec import RecordCodec, SealedCodec, renaming

_Value = TypeVar("_Value")
_FORM: Final = 1

# Fields as releases before 0.2 stored them: a sign-in in progress during an upgrade continues.
_REQUEST_RENAMED: Final = renaming(
    {"minimum": "min_level", "asked": "requested_claims", "pushed": "par_digest", "hint_subject": "expected_sub"}
)
_TRANSACTION_RENAMED: Final = renaming(
    {"leaving": "client_redirect", "moved": "transferred", "withdrawn": "case_to_withdraw", "seed": "order_seed"},
    {"request": _REQUEST_RENAMED},
)


class StoredRecord(msgspec.Struct, frozen=True):
    """The value of a key. `until` is its expiry by the broker's clock; `version` and `browser` are those of a
    transaction."""

    v: int
    until: float
    sealed: bytes
    version: int = 0
    browser: str = ""


class SealedMap(Generic[_Value]):
    """Sealed records of one kind."""

    def __init__(
        self,
        key: Callable[[str, str, int], str],
        kind: str,
        form: RecordCodec[_Value],
        sealer: Sealer,
        now: Callable[[], float],
    ) -> None:
        self._key = key
        self._kind = kind
        self._sealed = SealedCodec(sealer, form)
        self._now = now
        self._decoder = msgspec.json.Decoder(StoredRecord)

    def name(self, handle: str) -> str:
        """The key of a handle's record."""
        return self._key(self._kind, sha256_hex(handle), _FORM)

    def write(self, name: str, value: _Value, until: float, version: int = 0, browser: str = "") -> bytes:
        """Encodes the value of a key."""
        return msgspec.json.encode(StoredRecord(_FORM, until, self._sealed.write(value, name), version, browser))

    def read(self, name: str, kept: bytes | None) -> tuple[StoredRecord, _Value] | None:
        """Decodes the value of a key, unless it has expired or cannot be opened."""
        if kept is None:
            return None
        try:
            record = self._decoder.decode(kept)
        except msgspec.DecodeError:
            return None
        if record.v != _FORM or self._now() >= record.until:
            return None
        value = self._sealed.read(record.sealed, name)
        return None if value is None else (record, value)


def _version(kept: bytes | None) -> int | None:
    return None if kept is None else int(kept)


def _window(server: RedisClient, allowance: RateLimit, now: float) -> tuple[str, int]:
    """The key of the current window of a rate limit, and its time to live in milliseconds."""
    number = int(now // allowance.window)
    name = server.key("limit", sha256_hex(f"{allowance.key}:{allowance.window}:{number}"))
    return name, lifetime((number + 1) * allowance.window, now)


class RedisTransactions:
    """Pending transactions, in Redis."""

    def __init__(
        self, server: RedisClient, sealer: Sealer, system: System, observe_mirror: Callable[[int | None], None]
    ) -> None:
        self._server = server
        self._now = system.now
        self._observe_mirror = observe_mirror
        self._records = SealedMap(
            server.key, "transaction", RecordCodec(Transaction, 3, _TRANSACTION_RENAMED), sealer, system.now
        )
        self._browsers = server.key("browser", "")

    async def create(self, handle: str, transaction: Transaction, limit: int, start: RateLimit | None = None) -> bool:
        """Stores a new transaction; False if its browser has `limit` open ones already, or `start` is used up.

        One round trip.
        """
        name = self._records.name(handle)
        keys = [name, self._browsers + transaction.browser, self._server.mirror]
        rest = [limit]
        if start is not None:
            counted, lasts = _window(self._server, start, self._now())
            keys.append(counted)
            rest += [start.most, lasts]
        made, version = await self._server.run(CREATE, keys, *self._common(name, transaction), *rest)
        self._observe_mirror(_version(version))
        return bool(made)

    async def room_from(self, browser: str, limit: int) -> float | None:
        """The time at which a browser will have fewer than `limit` open transactions; None if it has now. One round
        trip."""
        key_, now = self._browsers + browser, self._now()
        listed = await self._server.command("ZRANGEBYSCORE", key_, f"({now}", "+inf", "WITHSCORES")
        ends = [float(end) for end in listed[1::2]]
        return ends[len(ends) - limit] if len(ends) >= limit else None

    async def load(self, handle: str) -> Transaction | None:
        """Returns the transaction, also an ended one while its stub is stored. One round trip."""
        name = self._records.name(handle)
        kept, version = await self._server.command("MGET", name, self._server.mirror)
        self._observe_mirror(_version(version))
        found = self._records.read(name, kept)
        if found is None:
            return None
        record, transaction = found
        genuine = record.version == transaction.version and record.browser == transaction.browser
        return transaction if genuine else None

    async def save(self, handle: str, transaction: Transaction) -> bool:
        """Optimistic locking: replaces `transaction.version - 1`; False if another request was faster.

        One round trip.
        """
        name = self._records.name(handle)
        rest = (transaction.version - 1, self._browsers, transaction.browser, int(transaction.open))
        made, version = await self._server.run(
            SAVE, (name, self._server.mirror), *self._common(name, transaction), *rest
        )
        self._observe_mirror(_version(version))
        return bool(made)

    def _common(self, name: str, transaction: Transaction) -> Sequence[Any]:
        until, now = transaction.kept_until, self._now()
        value = self._records.write(name, transaction, until, transaction.version, transaction.browser)
        return value, lifetime(until, now), name.rpartition(":")[2], transaction.expires, now


class RedisPushedRequests:
    """Pushed authorization requests, in Redis."""

    def __init__(
        self, server: RedisClient, sealer: Sealer, system: System, observe_mirror: Callable[[int | None], None]
    ) -> None:
        self._server = server
        self._now = system.now
        self._observe_mirror = observe_mirror
        self._records = SealedMap(
            server.key, "pushed", RecordCodec(AuthorizationRequest, 2, _REQUEST_RENAMED), sealer, system.now
        )

    async def put(self, handle: str, request: AuthorizationRequest, expires: float) -> None:
        """Stores a checked request until `expires`."""
        name = self._records.name(handle)
        value = self._records.write(name, request, expires)
        self._observe_mirror(
            _version(await self._server.run(PUT, (name, self._server.mirror), value, lifetime(expires, self._now())))
        )

    async def get(self, handle: str) -> tuple[AuthorizationRequest, bool] | None:
        """The request, and whether this is its first use; None if unknown or expired. One round trip."""
        name = self._records.name(handle)
        kept, version, fetched = await self._server.run(FETCH, (name, self._server.mirror, f"{name}:fetched"))
        self._observe_mirror(_version(version))
        found = self._records.read(name, kept)
        return None if found is None else (found[1], int(fetched) == 1)


class RedisPendingLogouts:
    """Content of the page after logout, in Redis."""

    def __init__(self, server: RedisClient, sealer: Sealer, system: System) -> None:
        self._server = server
        self._now = system.now
        self._records = SealedMap(server.key, "goodbye", RecordCodec(PendingLogout), sealer, system.now)

    async def put(self, handle: str, goodbye: PendingLogout, expires: float) -> None:
        """Stores the content of the page until `expires`."""
        name = self._records.name(handle)
        value = self._records.write(name, goodbye, expires)
        await self._server.command("SET", name, value, "PX", lifetime(expires, self._now()))

    async def get(self, handle: str) -> PendingLogout | None:
        """Returns the content of the page, or None if unknown or expired."""
        name = self._records.name(handle)
        found = self._records.read(name, await self._server.command("GET", name))
        return None if found is None else found[1]


class RedisContinuations:
    """Continuation codes, in Redis."""

    def __init__(self, server: RedisClient, sealer: Sealer, system: System) -> None:
        self._server = server
        self._now = system.now
        self._records = SealedMap(server.key, "continuation", RecordCodec(str), sealer, system.now)

    async def put(self, code: str, handle: str, expires: float) -> None:
        """Stores the transaction of a code."""
        name = self._records.name(code)
        value = self._records.write(name, handle, expires)
        await self._server.command("SET", name, value, "PX", lifetime(expires, self._now()))

    async def take(self, code: str) -> str | None:
        """Returns the transaction's handle, once: of two callers one gets it."""
        name = self._records.name(code)
        found = self._records.read(name, await self._server.command("GETDEL", name))
        return None if found is None else found[1]


class RedisProofs:
    """Used DPoP proofs, in Redis."""

    def __init__(self, server: RedisClient, system: System) -> None:
        self._server = server
        self._system = system
        self._drawn = server.key("proofs", "epoch")

    async def first_use(self, jti: str, expires: float, epoch: str) -> bool:
        """Whether this is the first use of a proof's `jti`; stores it until `expires`.

        Raises StoreUnavailable also if `epoch` is not the server's: after a failover, or at a former primary.
        """
        now = self._system.now()
        keys = (self._server.key("proof", sha256_hex(jti)), self._drawn)
        first, found = await self._server.run(FIRST_USE, keys, expires, lifetime(expires, now), now)
        if found is None or sha256_hex(found.decode()) != epoch:
            raise StoreUnavailable("the epoch of used proofs is another one")
        return bool(first)

    async def epoch(self) -> str:
        """A string that is new after every flush, restart and failover of Redis, when used proofs may have been lost.

        Raises StoreUnavailable also if Redis rejects writes.
        """
        found = await self._server.run(EPOCH, (self._drawn,))
        if found is None:
            await self._server.command("SET", self._drawn, self._system.random_bytes(16).hex(), "NX")
            found = await self._server.run(EPOCH, (self._drawn,))
        return sha256_hex("" if found is None else found.decode())


class RedisRateLimits:
    """Fixed window rate limits, in Redis. Windows start at multiples of their length."""

    def __init__(self, server: RedisClient, system: System, observe_mirror: Callable[[int | None], None]) -> None:
        self._server = server
        self._now = system.now
        self._observe_mirror = observe_mirror

    async def allow(self, key_: str, most: int, window: int) -> bool:
        """Counts one use of `key_`; False beyond `most` in the current window of `window` seconds."""
        name, lasts = _window(self._server, RateLimit(key_, most, window), self._now())
        count, version = await self._server.run(COUNT, (name, self._server.mirror), lasts)
        self._observe_mirror(_version(version))
        return int(count) <= most

    async def give_back(self, key_: str, window: int) -> None:
        """Subtracts one use of `key_` from the current window of `window` seconds."""
        name, _ = _window(self._server, RateLimit(key_, 0, window), self._now())
        await self._server.run(GIVE_BACK, (name,))


class RedisVersionMirror:
    """Mirror of the kill switches' version in Redis."""

    def __init__(self, server: RedisClient) -> None:
        self._server = server

    async def write(self, version: int, instead: int | None) -> None:
        """Writes a version over none, an earlier one, or the wrong one to be replaced; a later one stays."""
        await self._server.run(MIRROR_VERSION, (self._server.mirror,), version, "" if instead is None else instead)

    async def forget(self) -> None:
        """Deletes the mirrored version."""
        await self._server.command("DEL", self._server.mirror)
