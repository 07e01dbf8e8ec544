"""Ports of the proofing agent API: what the stores must do."""

from typing import Protocol

from broker.model.desk import Counted, DeskAnswer, Use


class Desks(Protocol):
    """Answers to the calls of partner desks, and how often desks used a case or a document (database)."""

    async def answer(self, client_id: str, key: str, now: float) -> DeskAnswer | None:
        """The stored answer of a desk's call with this key, unless it expired."""
        ...

    async def keep(self, answer: DeskAnswer) -> None:
        """Stores the answer of a call that changed nothing, unless one with its key is stored."""
        ...

    async def count(self, use: Use, now: float, until: float) -> int | None:
        """Counts one use durably, before what it is for. Returns its number, from 1; None if `most` were made."""
        ...

    async def counted(self, mark: str, now: float) -> Counted:
        """The uses that count at `now`."""
        ...
