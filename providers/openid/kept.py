"""What is fetched from the other side and kept for a while: its metadata, its keys."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from broker.ambient import Ambient
from broker.provider import Failure
from providers.openid.refused import Refused

T = TypeVar("T")

FRESH: Final = 300.0
"""Seconds for which a value is used without asking again."""
STALE: Final = 6 * 3600.0
"""Seconds for which a value is used while asking again fails. Beyond it the provider counts as unavailable."""
RETRY: Final = 2.0
"""Seconds after a failed fetch in which no other is tried."""
COOL_DOWN: Final = 30.0
"""Seconds between two fetches that were asked for because a key was not found."""


class Kept(Generic[T]):
    """One value: fetched by at most one flight at a time, which many may wait for and none can cancel."""

    def __init__(self, fetch: Callable[[], Awaitable[T]], ambient: Ambient) -> None:
        """`fetch` gives the value or raises Refused."""
        self._fetch = fetch
        self._ambient = ambient
        self._value: T | None = None
        self._loaded = 0.0
        self._failure: Failure | None = None
        self._failed = 0.0
        self._demanded: float | None = None
        self._flight: asyncio.Task[T | Failure] | None = None

    async def get(self) -> T:
        """The value. Where it is older than FRESH a new one is fetched beside, and the old one given until then.

        Raises Refused where there is none, or none younger than STALE.
        """
        age = self._age()
        if self._value is not None and age is not None and age < STALE:
            if age >= FRESH and not self._just_failed():
                self._start()
            return self._value
        if self._failure is not None and self._just_failed():
            raise _refused(self._failure)
        return await self.renew()

    async def renew(self) -> T:
        """The value as it is at the other side now. Raises Refused; what was kept stays as it was then."""
        outcome = await asyncio.shield(self._start())
        if isinstance(outcome, Failure):
            raise _refused(outcome)
        return outcome

    async def other_than(self, known: T) -> T:
        """The value, asked for anew because `known` lacked something; `known` again within the cool-down."""
        if self._value is not None and self._value is not known:
            return self._value
        if self._flight is None and self._demanded is not None and self._ambient.now() - self._demanded < COOL_DOWN:
            return known
        self._demanded = self._ambient.now()
        return await self.renew()

    def _age(self) -> float | None:
        age = self._ambient.now() - self._loaded
        return age if age >= 0 else None

    def _just_failed(self) -> bool:
        return self._failure is not None and 0 <= self._ambient.now() - self._failed < RETRY

    def _start(self) -> "asyncio.Task[T | Failure]":
        if self._flight is None:
            self._flight = asyncio.create_task(self._fly())
        return self._flight

    async def _fly(self) -> T | Failure:
        try:
            value = await self._fetch()
        except Refused as refused:
            self._failure, self._failed = refused.failure, self._ambient.now()
            return refused.failure
        finally:
            self._flight = None
        self._value, self._loaded, self._failure = value, self._ambient.now(), None
        return value


def _refused(failure: Failure) -> Refused:
    return Refused(failure.reason, failure.detail, outage=failure.outage)
