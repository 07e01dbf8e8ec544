"""Withdrawal of a message to the citizen that was not sent yet, by a member of staff of its case."""

from broker.actions.assisted.case_view import case_view
from broker.actions.assisted.context import CaseContext
from broker.actions.assisted.editing import load_permitted
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import ActionRefused, CaseRef, CaseView, EditRefused, StaffAction
from broker.actions.outbox.ports import Notices
from broker.assisted.case import Case
from broker.model.audit import AuditEvent


async def withdraw_notice(
    context: CaseContext, notices: Notices, who: StaffPrincipal, case_id: str, notice: str
) -> CaseView | EditRefused:
    """Withdraws a message that waits; its content is erased, with an audit row.

    SENT if it was sent, is being sent, or warns a person of what was done with their identity.
    """
    case = await load_permitted(context, who, StaffAction.WITHDRAW_NOTICE, CaseRef(case_id))
    if not isinstance(case, Case):
        return case
    now, actor = context.system.now(), f"staff:{who.member.id}"
    event = AuditEvent("notice_withdrawn", now, actor, case=case_id, details={"notice": notice})
    done = await notices.withdraw(notice, case_id, event)
    return case_view(context, case, who.member) if done else ActionRefused.SENT
