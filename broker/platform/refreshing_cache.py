"""Refreshing cache of one value from a remote server: metadata, keys."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from broker.platform.system import System

T = TypeVar("T")
Value = TypeVar("Value", contravariant=True)


class FetchFailed(Exception):
    """The remote server supplies no value. The text is the reason, for the log."""


@dataclass(frozen=True, slots=True)
class CachePolicy(Generic[Value]):
    """Lifetimes in seconds.

    `fresh`: how long a value is used without a new fetch; `grace`: how much longer while fetching fails. After a failed
    fetch no other is tried within `retry`. Two fetches requested because the value lacked something are at least
    `cool_down` apart.
    """

    fresh: Callable[[Value], float]
    grace: float
    retry: float
    cool_down: float


class RefreshingCache(Generic[T]):
    """One value, fetched by at most one task at a time (single flight), for which many callers wait and which none
    can cancel."""

    def __init__(self, fetch: Callable[[], Awaitable[T]], system: System, terms: CachePolicy[T]) -> None:
        """`fetch` returns the value or raises FetchFailed."""
        self._fetch = fetch
        self._system = system
        self._terms = terms
        self._value: T | None = None
        self._loaded = 0.0
        self._missed: FetchFailed | None = None
        self._failed = 0.0
        self._demanded: float | None = None
        self._flight: asyncio.Task[T | FetchFailed] | None = None

    @property
    def loaded(self) -> float:
        """When the value was fetched (seconds since 1970 UTC); 0 before the first successful fetch."""
        return self._loaded

    async def get(self) -> T:
        """Returns the value. If it is stale, starts a fetch in the background and returns the old value until then.

        Raises FetchFailed if there is none, or if it is beyond `grace`.
        """
        age = self._age()
        if self._value is not None and age is not None:
            fresh = self._terms.fresh(self._value)
            if age < fresh + self._terms.grace:
                if age >= fresh and not self._just_failed():
                    self._start()
                return self._value
        if self._missed is not None and self._just_failed():
            raise self._missed.with_traceback(None) from None
        return await self.refresh()

    def prefetch(self) -> None:
        """Starts a fetch in the background, so that the value is ready for the first caller."""
        self._start()

    async def refresh(self) -> T:
        """Fetches the value now. Raises FetchFailed; the cached value is then unchanged."""
        outcome = await asyncio.shield(self._start())
        if isinstance(outcome, FetchFailed):
            raise outcome.with_traceback(None) from None
        return outcome

    async def refresh_if_same(self, known: T) -> T:
        """Fetches the value again because `known` lacked something; returns `known` itself within the cool-down."""
        if self._value is not None and self._value is not known:
            return self._value
        now = self._system.now()
        if self._flight is None and self._demanded is not None and 0 <= now - self._demanded < self._terms.cool_down:
            return known
        self._demanded = now
        return await self.refresh()

    def _age(self) -> float | None:
        age = self._system.now() - self._loaded
        return age if age >= 0 else None

    def _just_failed(self) -> bool:
        return self._missed is not None and 0 <= self._system.now() - self._failed < self._terms.retry

    def _start(self) -> "asyncio.Task[T | FetchFailed]":
        if self._flight is None:
            self._flight = asyncio.create_task(self._fly())
        return self._flight

    async def _fly(self) -> T | FetchFailed:
        try:
            value = await self._fetch()
        except FetchFailed as missed:
            self._missed, self._failed = missed, self._system.now()
            return missed
        finally:
            self._flight = None
        self._value, self._loaded, self._missed = value, self._system.now(), None
        return value
