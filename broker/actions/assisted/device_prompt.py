"""Staff ask the citizen of a case to confirm on a device of their own, and learn what came of it."""

from collections.abc import Sequence

from broker.actions.assisted.case_view import lacks_role, role_in_case
from broker.actions.assisted.context import CaseContext, load_case
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import ActionRefused, CaseRole, RefusalReason, StaffAction
from broker.actions.questions import notice, put
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.device import device_evidence
from broker.assisted.table import Barred, barred
from broker.assisted.words import unfit
from broker.model import handle as handles
from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.model.notice import Notice
from broker.model.question import Question
from broker.oidc.ciba import binding_message
from broker.oidc.errors import Refusal

WAITS = 600
"""How long (seconds) a question of staff's waits."""


async def ask_citizen(
    context: CaseContext, who: StaffPrincipal, id: str, edition: int, message: str
) -> Question | RefusalReason:
    """Puts a question to the citizen of a case that this member of staff works on.

    The details have to be recorded before: what the citizen proves is held against them. One question waits at a time.
    """
    case, now = await load_case(context, id), context.ambient.now()
    if case is None or role_in_case(case, who.member, now) is not CaseRole.AGENT:
        return ActionRefused.UNKNOWN
    if lacks_role(who.member, StaffAction.ASK_CITIZEN):
        return ActionRefused.NOT_ALLOWED
    if case.edition != edition:
        return ActionRefused.CONFLICT
    why = hindered(context, case, message)
    if why is not None:
        return why
    if any(one.waits(now) for one in await context.questions.of_case(case.id)):
        return ActionRefused.ASKED
    question = Question(
        id=handles.fresh(context.ambient, size=16),
        client_id=case.client_id,
        created=now,
        expires=now + WAITS,
        code="",
        minimum=Level.LOW,
        message=message.strip(),
        case=case.id,
    )
    told = AuditEvent(
        kind="question_put",
        at=now,
        actor=f"staff:{who.member.id}",
        transaction=case.transaction,
        case=case.id,
        client_id=case.client_id,
        details={"question": question.id},
    )
    _, question = await put(
        context.questions, context.ambient, question, None, lambda ready: _notices(context, case, ready), [told]
    )
    return question


def hindered(context: CaseContext, case: Case, message: str) -> RefusalReason | None:
    """Why nothing can be asked for the sake of a case now, or not with this message."""
    if not case.details.claims:
        return Barred.NO_DETAILS
    now = context.ambient.now()
    trial = ev.DeviceConfirmed(device_evidence(case, "", Level.LOW, "", {}, now))
    if (why := barred(case, trial, now, context.terms)) is not None:
        return why
    try:
        binding_message(message.strip())
    except Refusal:
        return ActionRefused.MESSAGE
    return ActionRefused.NOTE if unfit(message) is not None else None


def _notices(context: CaseContext, case: Case, question: Question) -> Sequence[Notice]:
    """The notice to the address of the case, unless that is not safe; the member of staff can say the code as well."""
    contact = case.contact
    if contact is None or case.safety.unsafe or contact.way not in context.ways:
        return ()
    asker = context.name.get(case.language) or next(iter(context.name.values()))
    made = notice(context.ambient, question, asker, context.confirm, contact.way, contact.address, case.language)
    return (made,)


async def asked_of(context: CaseContext, who: StaffPrincipal, id: str) -> tuple[Question, ...]:
    """The questions of a case, for whoever may see it with its personal data."""
    case = await load_case(context, id)
    seen = None if case is None else role_in_case(case, who.member, context.ambient.now())
    return () if seen in (None, CaseRole.VISITOR) else tuple(await context.questions.of_case(id))
