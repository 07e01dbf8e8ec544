"""The calls of the proofing agent API as a table, read by the routes and by the OpenAPI document."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from broker.actions.desk import visits
from broker.actions.desk.evidence import record_evidence
from broker.actions.desk.messages import AcceptCase, FindCase, GiveResult, Message, RecordEvidence
from broker.actions.desk.once import DeskCall
from broker.actions.desk.visits import DeskContext
from broker.model.desk import DeskAnswer

Act = Callable[[DeskContext, DeskCall, str, Any], Awaitable[DeskAnswer]]
"""What a call does: its context, the call, the id of the case ("" if the path has none), and its message."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A call that changes something. `status` is that of success, `refusals` those with which the rules may refuse."""

    path: str
    name: str
    summary: str
    message: type[Message]
    act: Act
    status: int = 200
    refusals: tuple[int, ...] = (404, 409, 422)


async def _find(context: DeskContext, call: DeskCall, _case: str, body: FindCase) -> DeskAnswer:
    return await visits.find_case(context, call, body)


CASE: Final = "/desk/v1/cases/{case}"
"""Path of a case, which a desk reads."""

FILES: Final = f"{CASE}/files"
"""Path to which a desk sends photographs."""

OPERATIONS: Final = (
    Operation("/desk/v1/cases:find", "findCase", "Find a case by its reference", FindCase, _find, refusals=(404, 422)),
    Operation(
        f"{CASE}:accept",
        "acceptCase",
        "Accept a case whose citizen is at the counter",
        AcceptCase,
        visits.accept_case,
    ),
    Operation(f"{CASE}/evidence", "recordEvidence", "Record one piece of evidence", RecordEvidence, record_evidence),
    Operation(
        f"{CASE}:result",
        "giveResult",
        "End the visit with a recommendation; a member of staff decides",
        GiveResult,
        visits.give_result,
        202,
    ),
)
