"""Idempotency of calls: a repeated call gets the stored answer, and changes nothing again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from broker.actions.desk.ports import Desks
from broker.actions.desk.problems import DeskProblem, key_reused
from broker.actions.ports import AuditLog
from broker.assisted.separation_of_duties import desk_id
from broker.model.audit import AuditEvent
from broker.model.desk import ANSWER_LIFE, DeskAnswer
from broker.model.service import Service
from broker.platform.system import System


@dataclass(frozen=True, slots=True)
class DeskCall:
    """A call of a desk that changes something: the desk, its `Idempotency-Key`, and the digest of the request.

    `case` is the id in its path, "" if it has none; `agent_id` and `location_id` say who acts and where.
    """

    service: Service
    key: str
    digest: str
    case: str
    agent_id: str
    location_id: str

    @property
    def name(self) -> str:
        """Name of the call among those of all desks."""
        return f"{self.service.client_id}:{self.key}"

    def answer(self, status: int, content: msgspec.Struct, now: float) -> DeskAnswer:
        """The answer, to be stored."""
        body = msgspec.json.encode(content)
        return DeskAnswer(self.service.client_id, self.key, self.digest, status, body, now + ANSWER_LIFE)


async def once(
    desks: Desks, audit: AuditLog, system: System, call: DeskCall, act: Callable[[], Awaitable[DeskAnswer]]
) -> DeskAnswer:
    """Returns the stored answer of a call, or acts. `act` stores its answer with what it changes.

    A refusal is stored as well, unless the same call may succeed later. A call about a case that is not the desk's, or
    not in a state for it, is in the audit record. Raises DeskProblem, also for a key of another call.
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
        if call.case and problem.status in (404, 409):
            await audit.write([_refused(call, problem, system.now())])
        await desks.keep(call.answer(problem.status, problem.content, system.now()))
        raise


def _refused(call: DeskCall, problem: DeskProblem, now: float) -> AuditEvent:
    return AuditEvent(
        "desk_refused",
        now,
        desk_id(call.service.client_id, call.agent_id),
        case=call.case,
        client_id=call.service.client_id,
        details={"location": call.location_id, "code": problem.content.code},
    )


async def _stored(desks: Desks, system: System, call: DeskCall) -> DeskAnswer | None:
    found = await desks.answer(call.service.client_id, call.key, system.now())
    if found is not None and found.digest != call.digest:
        raise key_reused()
    return found
