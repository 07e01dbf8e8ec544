"""Calls to citizens: an agent calls the number of the session and reads out a code, which the citizen types in.

The code is derived from the case's `call.nonce` with a key of the broker, so that no record holds it. Only the page of
the agent who makes the call shows it, and no page of the console takes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from broker.actions.assisted.context import CaseContext, load_case
from broker.actions.assisted.editing import edit_case
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import ActionRefused, CaseRef, CaseView, EditRefused, StaffAction
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_row import CaseFilter, CaseFlag, CaseOrder, CaseRow
from broker.assisted.case_states import CaseState
from broker.assisted.codes import call_code
from broker.assisted.reasons import ReasonContext, valid_for
from broker.model import handle as handles

READ_AT_ONCE = 20
"""How many wanted calls are tried to find the next one for an agent."""

_WANTED = CaseFilter(state=CaseState.APPROVED, flags=CaseFlag.CALL)


@dataclass(frozen=True, slots=True)
class CallView:
    """A call as the agent who makes it sees it. It names the citizen by nothing but their reference: the agent says who
    is calling, and waits for the citizen to name it.
    """

    case: str
    reference: str
    number: str
    language: str
    code: str
    expires: float


def call_back_code(context: CaseContext, case: Case) -> str:
    """The code that the agent reads out in the present call. Without a call it is a code that counts nowhere."""
    nonce = "" if case.call is None else case.call.nonce
    return call_code(context.fingerprint(f"call-back:{case.id}:{nonce}"))


async def calls_wanted(context: CaseContext) -> int:
    """How many citizens wait for a call, counted up to READ_AT_ONCE."""
    return len(await _wanted(context))


async def next_call(context: CaseContext, staff: StaffPrincipal) -> CaseView | EditRefused:
    """Takes the call that is due first, of those that this agent may make. NOTHING if none is wanted."""
    policy, now = context.rules.policy, context.system.now()

    async def make(_case: Case) -> ev.ByStaff | EditRefused:
        nonce = handles.new_handle(context.system, size=16)
        return ev.CallBackStarted(staff.member.id, nonce, now + policy.call_code)

    for row in await _wanted(context):
        taken = await edit_case(context, staff, StaffAction.CALL_BACK, CaseRef(row.id), make)
        if isinstance(taken, CaseView):
            return taken
    return ActionRefused.NOTHING


async def _wanted(context: CaseContext) -> Sequence[CaseRow]:
    page = await context.stores.lists.page(_WANTED, CaseOrder.DEADLINE, None, READ_AT_ONCE)
    return page.rows


async def view_call(context: CaseContext, staff: StaffPrincipal, case_id: str) -> CallView | None:
    """The call that this agent makes now; None if they make none, or its time is over."""
    case = await load_case(context, case_id)
    call = None if case is None else case.call
    if case is None or call is None or call.by != staff.member.id or call.expires is None or case.contact is None:
        return None
    code = call_back_code(context, case)
    return CallView(case.id, case.reference, case.contact.address, case.language, code, call.expires)


async def call_missed(context: CaseContext, staff: StaffPrincipal, case_id: str, reason: str) -> CaseView | EditRefused:
    """The citizen was not reached: the code no longer counts, and the citizen may ask for another call."""
    if not valid_for(ReasonContext.CALL_MISSED, reason):
        return ActionRefused.REASON

    async def make(_case: Case) -> ev.ByStaff | EditRefused:
        return ev.CallBackMissed(staff.member.id, reason)

    return await edit_case(context, staff, StaffAction.CALL_MISSED, CaseRef(case_id), make)
