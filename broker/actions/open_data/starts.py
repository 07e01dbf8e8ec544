"""Started sign-ins: counted in memory, and written as audit rows every few seconds, so that a start needs no write."""

from collections import Counter
from collections.abc import Callable
from typing import Final

from broker.actions.ports import AuditLog
from broker.journey.figures import day_of, is_counted, start_events
from broker.journey.transaction import Transaction

EVERY: Final = 15.0
"""Seconds between two writes. A process that is killed loses the starts of so many seconds."""


class StartCounter:
    """The sign-ins that this process started and has not written yet, by service, day and language.

    `observe` gets the client id of every transaction, also of those that open data does not count.
    """

    def __init__(self, observe: Callable[[str], None]) -> None:
        self._observe = observe
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def count(self, transaction: Transaction) -> None:
        """Counts a transaction that was stored."""
        self._observe(transaction.request.client_id)
        if is_counted(transaction):
            key = (transaction.request.client_id, day_of(transaction.created), transaction.language)
            self._counts[key] += 1

    async def write(self, audit: AuditLog, now: float) -> None:
        """Writes what was counted. Raises StoreUnavailable, and then keeps it for the next time."""
        counts, self._counts = self._counts, Counter()
        try:
            await audit.write(start_events(counts, now))
        except BaseException:
            self._counts.update(counts)
            raise
