"""Idempotency of calls: a repeated call gets the stored answer, and changes nothing again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from broker.actions.desk.ports import Desks
from broker.actions.desk.problems import DeskProblem, key_reused
from broker.model.desk import ANSWER_LIFE, DeskAnswer
from broker.model.service import Service
from broker.platform.system import System


@dataclass(frozen=True, slots=True)
class DeskCall:
    """A call of a desk that changes something: the desk, its `Idempotency-Key`, and the digest of the request."""

    service: Service
    key: str
    digest: str

    @property
    def name(self) -> str:
        """Name of the call among those of all desks."""
        return f"{self.service.client_id}:{self.key}"

    def answer(self, status: int, content: msgspec.Struct, now: float) -> DeskAnswer:
        """The answer, to be stored."""
        body = msgspec.json.encode(content)
        return DeskAnswer(self.service.client_id, self.key, self.digest, status, body, now + ANSWER_LIFE)


async def once(desks: Desks, system: System, call: DeskCall, act: Callable[[], Awaitable[DeskAnswer]]) -> DeskAnswer:
    """Returns the stored answer of a call, or acts. `act` stores its answer with what it changes.

    A refusal is stored as well, unless the same call may succeed later. Raises DeskProblem, also for a key of another
    call.
    """
    if (stored := await _stored(desks, system, call)) is not None:
        return stored
    try:
        return await act()
    except DeskProblem as problem:
        if problem.retry_after is not None:
            raise
        twin = await _stored(desks, system, call)  # the same call, made at the same moment, may have succeeded
        if twin is not None:
            return twin
        await desks.keep(call.answer(problem.status, problem.content, system.now()))
        raise


async def _stored(desks: Desks, system: System, call: DeskCall) -> DeskAnswer | None:
    found = await desks.answer(call.service.client_id, call.key, system.now())
    if found is not None and found.digest != call.digest:
        raise key_reused()
    return found
