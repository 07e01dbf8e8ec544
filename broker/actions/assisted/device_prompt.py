"""Device prompt: staff ask the citizen of a case to confirm on a device of the citizen's own, and see the answer."""

from collections.abc import Sequence

from broker.actions.assisted.context import CaseContext
from broker.actions.assisted.editing import load_permitted
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import (
    ActionRefused,
    CaseRef,
    CaseRole,
    CaseView,
    RefusalReason,
    StaffAction,
)
from broker.actions.backchannel_requests import create, notice
from broker.assisted.case import Case
from broker.assisted.codes import lint_note
from broker.model import handle as handles
from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.model.backchannel_request import BackchannelRequest
from broker.model.notification import Notification, Recipient
from broker.oidc.ciba import binding_message
from broker.oidc.errors import ProtocolError

WAITS = 600
"""How long (seconds) a question of staff waits for the citizen's answer."""


async def ask_citizen(
    context: CaseContext, staff: StaffPrincipal, ref: CaseRef, message: str
) -> BackchannelRequest | RefusalReason:
    """Puts a question to the citizen of a case. One question of a case waits at a time.

    The details have to be recorded before, because the claims that the citizen proves are compared with them.
    """
    case = await load_permitted(context, staff, StaffAction.ASK_CITIZEN, ref)
    if not isinstance(case, Case):
        return case
    why = _unfit_message(message.strip())
    if why is not None:
        return why
    now, questions = context.system.now(), context.stores.questions
    if any(one.is_pending(now) for one in await questions.of_case(case.id)):
        return ActionRefused.ASKED
    question = BackchannelRequest(
        id=handles.new_handle(context.system, size=16),
        client_id=case.client_id,
        created=now,
        expires=now + WAITS,
        code="",
        minimum=Level.LOW,
        message=message.strip(),
        case=case.id,
    )
    event = AuditEvent(
        kind="question_put",
        at=now,
        actor=f"staff:{staff.member.id}",
        transaction=case.transaction,
        case=case.id,
        client_id=case.client_id,
        details={"question": question.id},
    )
    _, question = await create(
        questions, context.system, question, None, lambda ready: _notices(context, case, ready), [event]
    )
    return question


def _unfit_message(message: str) -> ActionRefused | None:
    try:
        binding_message(message)
    except ProtocolError:
        return ActionRefused.MESSAGE
    return ActionRefused.NOTE if lint_note(message) is not None else None


def _notices(context: CaseContext, case: Case, question: BackchannelRequest) -> Sequence[Notification]:
    """The notice to the contact address, unless that is unsafe. The member of staff can also read out the code."""
    contact, prompts = case.contact, context.prompts
    if contact is None or case.safety.unsafe or contact.way not in prompts.contact_methods:
        return ()
    name = prompts.name.get(case.language) or next(iter(prompts.name.values()))
    recipient = Recipient(contact.way, contact.address, case.language)
    return (notice(context.system, question, name, prompts.confirm, recipient),)


async def questions_of(context: CaseContext, view: CaseView) -> tuple[BackchannelRequest, ...]:
    """The questions of a case, the oldest first. Without access to personal data: none."""
    if view.role in (CaseRole.VISITOR, CaseRole.NONE):
        return ()
    return tuple(await context.stores.questions.of_case(view.case.id))
