"""What every verb around a verification case begins and ends with: load, let the clocks speak, move, save, record."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from broker.actions.assisted.ports import Cases
from broker.actions.assisted.staff_results import ActionRefused, RefusalReason
from broker.actions.needs import Audit, Questions
from broker.ambient import Ambient
from broker.assisted.case import Case, State
from broker.assisted.clocks import Terms, overdue
from broker.assisted.events import Event
from broker.assisted.profiles import Profiles
from broker.assisted.table import Barred, advance, barred
from broker.model import handle as handles
from broker.model.audit import AuditEvent
from broker.model.notice import Notice, NoticeKind

TRIES = 4
"""How often a change is tried on top of what others wrote in between."""

NOTICE_LIFE = 3 * 86400
"""How long (seconds) a notice other than a code is worth sending."""


@dataclass(frozen=True, slots=True)
class CaseContext:
    """Everything that work on cases needs, built once.

    `issuer` is the first half of the key of every identity a case proves. `blind` turns a document or telephone
    number into a mark that only this broker can make (hexadecimal). `confirm` is the page where citizens type in the
    code of a question, `name` by language what they know this broker by, `ways` those in which notices can go out.
    `region` is the country whose telephone numbers are written without a country code.
    """

    issuer: str
    ambient: Ambient
    cases: Cases
    audit: Audit
    terms: Terms
    profiles: Profiles
    fingerprint: Callable[[str], str]
    questions: Questions
    confirm: str
    name: Mapping[str, str]
    ways: frozenset[str] = frozenset()
    region: str = "GB"


async def load_case(context: CaseContext, id: str) -> Case | None:
    """The case as it stands now: whatever fell due since it was last looked at has happened. None if unknown."""
    for _ in range(TRIES):
        case = await context.cases.load(id)
        if case is None:
            return None
        after, now = case, context.ambient.now()
        while (event := overdue(after, now)) is not None:
            after = advance(after, event, now, context.terms)
        if after is case or await save(context, case, after):
            return after if after is case else replace(after, version=case.version + 1)
    return None


async def refresh_all(context: CaseContext, cases: Iterable[Case]) -> tuple[Case, ...]:
    """The cases of a list as they stand now; only those whose clock has something to say are read again."""
    now, found = context.ambient.now(), []
    for case in cases:
        after = case if overdue(case, now) is None else await load_case(context, case.id)
        found += [] if after is None else [after]
    return tuple(found)


async def change(
    context: CaseContext,
    id: str,
    *events: Event,
    edition: int | None = None,
    notices: Sequence[Notice] = (),
) -> Case | RefusalReason:
    """The case after these events, saved in one write with audit rows and notices; or why nothing was done.

    With `edition` it is done only to the case that a page was made from; without, it is done on top of whatever
    others did in between.
    """
    for _ in range(TRIES):
        case = await load_case(context, id)
        if case is None:
            return ActionRefused.UNKNOWN
        if edition is not None and case.edition != edition:
            return _overtaken(case)
        after = apply_events(context, case, *events)
        if isinstance(after, Barred):
            return after
        if await save(context, case, after, notices):
            return replace(after, version=case.version + 1)
    return ActionRefused.CONFLICT


def apply_events(context: CaseContext, case: Case, *events: Event) -> Case | Barred:
    """The case after events of one moment, all of which must be possible; or what bars the first that is not."""
    now = context.ambient.now()
    for event in events:
        why = barred(case, event, now, context.terms)
        if why is not None:
            return why
        case = advance(case, event, now, context.terms)
    return case


def _overtaken(case: Case) -> ActionRefused:
    last = case.history[-1].event if case.history else ""
    return ActionRefused.LAPSED if last == "lease_lapsed" else ActionRefused.CONFLICT


async def save(context: CaseContext, before: Case, after: Case, notices: Sequence[Notice] = ()) -> bool:
    """Writes a changed case with an audit row for each new line of its history. False when somebody was faster."""
    after = replace(after, version=before.version + 1)
    told = (*notices, *_notices(context, before, after))
    return await context.cases.save(after, audit_rows(after, len(before.history)), told)


def audit_rows(case: Case, since: int = 0) -> tuple[AuditEvent, ...]:
    """An audit event for each line of the history from number `since` on."""
    return tuple(
        AuditEvent(
            kind=f"case_{move.event}",
            at=move.at,
            actor=move.who if move.who in ("citizen", "broker") else f"staff:{move.who}",
            transaction=case.transaction,
            case=case.id,
            client_id=case.client_id,
            details={"from": move.source or "", "to": move.target, "role": move.role, "reason": move.reason},
        )
        for move in case.history[since:]
    )


def _notices(context: CaseContext, before: Case, after: Case) -> tuple[Notice, ...]:
    """What a change of state gives the citizen to know. It never says how a case was decided."""
    if after.state is before.state or after.contact is None or after.safety.unsafe:
        return ()
    match after.state:
        case State.APPROVED | State.DECLINED:
            return (notice(context, after, NoticeKind.RESULT),)
        case State.REQUESTED if before.state is State.DECISION:
            return (notice(context, after, NoticeKind.MORE_NEEDED),)
        case State.BOUND:
            return (notice(context, after, NoticeKind.CHECKED),)
        case _:
            return ()


def notice(context: CaseContext, case: Case, kind: NoticeKind, life: float = NOTICE_LIFE, **fields: str) -> Notice:
    """A notice to the citizen's contact address. Raises ValueError for a case without one."""
    if case.contact is None:
        raise ValueError("there is nobody to tell")
    now = context.ambient.now()
    return Notice(
        id=handles.fresh(context.ambient, size=16),
        kind=kind,
        way=case.contact.way,
        address=case.contact.address,
        language=case.language,
        created=now,
        expires=now + life,
        fields={"reference": case.reference, **fields},
        case=case.id,
    )


async def expire_due_cases(context: CaseContext, limit: int = 50) -> int:
    """Moves cases whose time is over although nobody looks at them, so that citizens are told and data goes in time.

    Gives the number of cases looked at. Nothing depends on it: whoever touches a case lets its clocks speak first.
    """
    due = await context.cases.due(context.ambient.now(), limit)
    for case in due:
        await load_case(context, case.id)
    return len(due)
