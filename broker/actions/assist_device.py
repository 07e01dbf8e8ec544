"""Staff ask the citizen of a case to confirm on a device of their own, and learn what came of it."""

from collections.abc import Sequence

from broker.actions.assist_folder import part, refused_role
from broker.actions.assist_office import Office, current
from broker.actions.questions import notice, put
from broker.actions.staff_outcomes import Deed, Hindered, Part, Present, Refused
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


async def ask_citizen(office: Office, who: Present, id: str, edition: int, message: str) -> Question | Refused:
    """Puts a question to the citizen of a case that this member of staff works on.

    The details have to be recorded before: what the citizen proves is held against them. One question waits at a time.
    """
    case, now = await current(office, id), office.ambient.now()
    if case is None or part(case, who.member, now) is not Part.AGENT:
        return Hindered.UNKNOWN
    if refused_role(who.member, Deed.ASK_CITIZEN):
        return Hindered.NOT_ALLOWED
    if case.edition != edition:
        return Hindered.CONFLICT
    why = hindered(office, case, message)
    if why is not None:
        return why
    if any(one.waits(now) for one in await office.questions.of_case(case.id)):
        return Hindered.ASKED
    question = Question(
        id=handles.fresh(office.ambient, size=16),
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
        office.questions, office.ambient, question, None, lambda ready: _notices(office, case, ready), [told]
    )
    return question


def hindered(office: Office, case: Case, message: str) -> Refused | None:
    """Why nothing can be asked for the sake of a case now, or not with this message."""
    if not case.details.claims:
        return Barred.NO_DETAILS
    now = office.ambient.now()
    trial = ev.DeviceConfirmed(device_evidence(case, "", Level.LOW, "", {}, now))
    if (why := barred(case, trial, now, office.terms)) is not None:
        return why
    try:
        binding_message(message.strip())
    except Refusal:
        return Hindered.MESSAGE
    return Hindered.NOTE if unfit(message) is not None else None


def _notices(office: Office, case: Case, question: Question) -> Sequence[Notice]:
    """The notice to the address of the case, unless that is not safe; the member of staff can say the code as well."""
    contact = case.contact
    if contact is None or case.safety.unsafe or contact.way not in office.ways:
        return ()
    asker = office.name.get(case.language) or next(iter(office.name.values()))
    made = notice(office.ambient, question, asker, office.confirm, contact.way, contact.address, case.language)
    return (made,)


async def asked_of(office: Office, who: Present, id: str) -> tuple[Question, ...]:
    """The questions of a case, for whoever may see it with its personal data."""
    case = await current(office, id)
    seen = None if case is None else part(case, who.member, office.ambient.now())
    return () if seen in (None, Part.VISITOR) else tuple(await office.questions.of_case(id))
