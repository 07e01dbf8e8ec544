"""What every verb around a verification case begins and ends with: load, let the clocks speak, move, save, record."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from broker.actions.assist_needs import Cases
from broker.actions.needs import Audit, Questions
from broker.actions.staff_outcomes import Hindered, Refused
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
class Office:
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
    blind: Callable[[str], str]
    questions: Questions
    confirm: str
    name: Mapping[str, str]
    ways: frozenset[str] = frozenset()
    region: str = "GB"


async def current(office: Office, id: str) -> Case | None:
    """The case as it stands now: whatever fell due since it was last looked at has happened. None if unknown."""
    for _ in range(TRIES):
        case = await office.cases.load(id)
        if case is None:
            return None
        after, now = case, office.ambient.now()
        while (event := overdue(after, now)) is not None:
            after = advance(after, event, now, office.terms)
        if after is case or await save(office, case, after):
            return after if after is case else replace(after, version=case.version + 1)
    return None


async def settled(office: Office, cases: Iterable[Case]) -> tuple[Case, ...]:
    """The cases of a list as they stand now; only those whose clock has something to say are read again."""
    now, found = office.ambient.now(), []
    for case in cases:
        after = case if overdue(case, now) is None else await current(office, case.id)
        found += [] if after is None else [after]
    return tuple(found)


async def change(
    office: Office,
    id: str,
    *events: Event,
    edition: int | None = None,
    notices: Sequence[Notice] = (),
) -> Case | Refused:
    """The case after these events, saved in one write with audit rows and notices; or why nothing was done.

    With `edition` it is done only to the case that a page was made from; without, it is done on top of whatever
    others did in between.
    """
    for _ in range(TRIES):
        case = await current(office, id)
        if case is None:
            return Hindered.UNKNOWN
        if edition is not None and case.edition != edition:
            return _overtaken(case)
        after = walk(office, case, *events)
        if isinstance(after, Barred):
            return after
        if await save(office, case, after, notices):
            return replace(after, version=case.version + 1)
    return Hindered.CONFLICT


def walk(office: Office, case: Case, *events: Event) -> Case | Barred:
    """The case after events of one moment, all of which must be possible; or what bars the first that is not."""
    now = office.ambient.now()
    for event in events:
        why = barred(case, event, now, office.terms)
        if why is not None:
            return why
        case = advance(case, event, now, office.terms)
    return case


def _overtaken(case: Case) -> Hindered:
    last = case.history[-1].event if case.history else ""
    return Hindered.LAPSED if last == "lease_lapsed" else Hindered.CONFLICT


async def save(office: Office, before: Case, after: Case, notices: Sequence[Notice] = ()) -> bool:
    """Writes a changed case with an audit row for each new line of its history. False when somebody was faster."""
    after = replace(after, version=before.version + 1)
    told = (*notices, *_notices(office, before, after))
    return await office.cases.save(after, audit_rows(after, len(before.history)), told)


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


def _notices(office: Office, before: Case, after: Case) -> tuple[Notice, ...]:
    """What a change of state gives the citizen to know. It never says how a case was decided."""
    if after.state is before.state or after.contact is None or after.safety.unsafe:
        return ()
    match after.state:
        case State.APPROVED | State.DECLINED:
            return (notice(office, after, NoticeKind.RESULT),)
        case State.REQUESTED if before.state is State.DECISION:
            return (notice(office, after, NoticeKind.MORE_NEEDED),)
        case State.BOUND:
            return (notice(office, after, NoticeKind.CHECKED),)
        case _:
            return ()


def notice(office: Office, case: Case, kind: NoticeKind, life: float = NOTICE_LIFE, **fields: str) -> Notice:
    """A notice to the citizen's contact address. Raises ValueError for a case without one."""
    if case.contact is None:
        raise ValueError("there is nobody to tell")
    now = office.ambient.now()
    return Notice(
        id=handles.fresh(office.ambient, size=16),
        kind=kind,
        way=case.contact.way,
        address=case.contact.address,
        language=case.language,
        created=now,
        expires=now + life,
        fields={"reference": case.reference, **fields},
        case=case.id,
    )


async def let_clocks_speak(office: Office, limit: int = 50) -> int:
    """Moves cases whose time is over although nobody looks at them, so that citizens are told and data goes in time.

    Gives the number of cases looked at. Nothing depends on it: whoever touches a case lets its clocks speak first.
    """
    due = await office.cases.due(office.ambient.now(), limit)
    for case in due:
        await current(office, case.id)
    return len(due)
