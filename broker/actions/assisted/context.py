"""The context of verification cases: load a case with its expired deadlines applied, apply events, save, audit."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from broker.actions.appointments.notices import appointment_notice
from broker.actions.appointments.ports import Bookings
from broker.actions.assisted.notice_settings import NoticeSettings, PromptSettings
from broker.actions.assisted.ports import Cases, FailedSignIns, FormerIdentities, IdentityKeys, Measures, StaffDrafts
from broker.actions.assisted.staff_results import ActionRefused, RefusalReason
from broker.actions.console.ports import CaseLists, IncidentJobs, SavedViewStore, StaffAudit, StaffPresences
from broker.actions.ports import AuditLog, BackchannelRequests
from broker.actions.quality.ports import QualityStore
from broker.assisted.calibration import MadeUpCases, made_up_cases
from broker.assisted.case import Case
from broker.assisted.case_records import Contact
from broker.assisted.case_states import CaseState
from broker.assisted.case_work import NO_WORK, CaseWork
from broker.assisted.deadlines import CasePolicy, due_event, files_until
from broker.assisted.desk_events import desk_events
from broker.assisted.events import Event
from broker.assisted.notices import (
    AddressNotice,
    address_notices,
    asks_to_replace,
    known_addresses,
    notices_of,
    outdated_notices,
    warned_addresses,
)
from broker.assisted.profiles import Profiles
from broker.assisted.quality import QualitySample, drawn, new_decision, sample
from broker.assisted.renewing import binds_from
from broker.assisted.separation_of_duties import is_desk
from broker.assisted.transitions import TransitionRefused, advance, refusal
from broker.model import handle as handles
from broker.model.audit import AuditEvent
from broker.model.freeze_link import FreezeLink
from broker.model.notification import NoticeTimes, Notification, NotificationKind, Recipient, new_notification
from broker.platform.log_context import bind_ids
from broker.platform.system import System

TRIES = 4
"""How many times a change is tried if other processes save the same case in between."""

NOTICE_LIFE = 3 * 86400
"""How long (seconds) a notice other than a code is worth sending."""

FREEZE_LIFE = 30 * 86400
"""How long (seconds) the link of a notice stops the identity."""


@dataclass(frozen=True, slots=True)
class CaseStores:
    """The stores of cases and their lists, of questions to citizens on their own device, of the audit record, of drafts
    and saved views of staff, of failed sign-ins by reference, of appointments, of what was measured, of the quality
    sample, of incidents, and the keys of identities.
    """

    cases: Cases
    lists: CaseLists
    views: SavedViewStore
    staff_audit: StaffAudit
    presence: StaffPresences
    questions: BackchannelRequests
    audit: AuditLog
    drafts: StaffDrafts
    sign_in_failures: FailedSignIns
    identity_keys: IdentityKeys
    former: FormerIdentities
    bookings: Bookings
    measures: Measures
    quality: QualityStore
    incidents: IncidentJobs


@dataclass(frozen=True, slots=True)
class CaseRules:
    """What decides about cases: the operator's times and numbers, and what evidence is worth.

    `issuer` is the issuer of the identities that cases prove. `region` (ISO 3166-1) is the country in which a
    telephone number without a country code is read. `reminders` are the spans (seconds) before the end of a kept
    identity at which its citizen is reminded, `made_up` the made-up cases for calibration.
    """

    issuer: str
    policy: CasePolicy
    profiles: Profiles
    region: str = "GB"
    reminders: tuple[int, ...] = ()
    made_up: MadeUpCases = field(default_factory=made_up_cases)


@dataclass(frozen=True, slots=True)
class CaseContext:
    """What each action on a case works with, built once.

    `fingerprint` turns an address or a document number into a keyed digest (hexadecimal).
    """

    stores: CaseStores
    rules: CaseRules
    prompts: PromptSettings
    fingerprint: Callable[[str], str]
    system: System
    told: NoticeSettings = field(default_factory=NoticeSettings)


# --- reading ---


async def load_case(context: CaseContext, case_id: str) -> Case | None:
    """The case as it stands now: its expired deadlines are applied and saved. None if the id is unknown."""
    return await _load(context, lambda: context.stores.cases.load(case_id))


async def load_by_reference(context: CaseContext, reference: str) -> Case | None:
    """The same by the case's reference (`Cases.by_reference`)."""
    return await _load(context, lambda: context.stores.cases.by_reference(reference))


async def load_by_continuation(context: CaseContext, digest: str) -> Case | None:
    """The same by the digest of its continuation code, which an expired deadline may just have erased."""
    return await _load(context, lambda: context.stores.cases.by_continuation(digest))


async def _load(context: CaseContext, find: Callable[[], Awaitable[Case | None]]) -> Case | None:
    for _ in range(TRIES):
        case = await find()
        if case is None:
            return None
        bind_ids(reference=case.reference)
        after, now = case, context.system.now()
        while (event := due_event(after, now)) is not None:
            after = advance(after, event, now, context.rules.policy)
        if after is case:
            return case
        saved = await save(context, case, after)
        if saved is not None:
            return saved
    return None


async def refresh_all(context: CaseContext, cases: Iterable[Case]) -> tuple[Case, ...]:
    """The cases of a list as they stand now. Only a case with an expired deadline is read again."""
    now, found = context.system.now(), []
    for case in cases:
        after = case if due_event(case, now) is None else await load_case(context, case.id)
        found += [] if after is None else [after]
    return tuple(found)


# --- writing ---


@dataclass(frozen=True, slots=True)
class CaseChange:
    """A change of a case: events in order, and what else is written with them."""

    events: tuple[Event, ...]
    work: CaseWork = NO_WORK


_Refused = TypeVar("_Refused")


async def change_case(
    context: CaseContext, of: Case | str, rule: Callable[[Case], CaseChange | _Refused]
) -> Case | RefusalReason | _Refused:
    """Changes a case as a rule decides, and saves it in one transaction. Returns it, or why nothing was changed.

    `of` is the case as the caller has just read it, or its id: it is read once. The rule judges that reading and
    returns the change, or the refusal. If another process saved the case in between, the case is read and judged again.
    """
    case = of if isinstance(of, Case) else await load_case(context, of)
    for _ in range(TRIES):
        if case is None:
            return ActionRefused.UNKNOWN
        change = rule(case)
        if not isinstance(change, CaseChange):
            return change
        after = apply_events(context, case, *change.events)
        if isinstance(after, TransitionRefused):
            return after
        saved = await save(context, case, after, change.work)
        if saved is not None:
            return saved
        case = await load_case(context, case.id)
    return ActionRefused.CONFLICT


async def update_case(context: CaseContext, of: Case | str, *events: Event) -> Case | RefusalReason:
    """The same for events that do not depend on the reading: they are applied on top of concurrent changes."""
    change = CaseChange(events)
    return await change_case(context, of, lambda _: change)


def overtaken(case: Case) -> ActionRefused:
    """Why a form was made from an older edit version: LAPSED if the last event was an expired lease."""
    last = case.history[-1].event if case.history else ""
    return ActionRefused.LAPSED if last == "lease_lapsed" else ActionRefused.CONFLICT


def apply_events(context: CaseContext, case: Case, *events: Event) -> Case | TransitionRefused:
    """The case after events of one moment; the refusal of the first event that the rules refuse."""
    now, policy = context.system.now(), context.rules.policy
    for event in events:
        why = refusal(case, event, now, policy)
        if why is not None:
            return why
        case = advance(case, event, now, policy)
    return case


async def save(context: CaseContext, before: Case, after: Case, work: CaseWork = NO_WORK) -> Case | None:
    """Saves a changed case with an audit row for each new line of its history, and `work`, in one transaction.

    The notices of the new state, the events for a partner desk, until when its evidence files are kept, and a decision
    that is drawn for the quality sample are added to `work`.

    Returns the case with its new version; None if another process saved it since `before` was read.
    """
    after = replace(after, version=before.version + 1)
    told, policy = _told(context, before, after), context.rules.policy
    until = files_until(after, context.system.now(), policy) if policy.files.enabled else None
    notices = (*work.notices, *told.notices)
    samples, rows = _drawn(context, before, after), audit_rows(after, len(before.history))
    work = replace(
        work,
        samples=samples,
        notices=notices,
        deliveries=(*work.deliveries, *desk_events(before, after, context.system.now())),
        freeze_links=(*work.freeze_links, *told.freeze_links),
        files_until=until,
        outdated=work.outdated | outdated_notices(before, after),
        # before any of its own notices, which are not withdrawn with the earlier ones
        at=min((notice.created for notice in notices), default=context.system.now()),
    )
    done = await context.stores.cases.save(after, (*rows, *(_draw_recorded(one) for one in samples)), work)
    return after if done else None


def audit_rows(case: Case, since: int = 0) -> tuple[AuditEvent, ...]:
    """An audit event for each line of the history from index `since` on."""
    return tuple(
        AuditEvent(
            kind=f"case_{move.event}",
            at=move.at,
            actor=move.who if move.who in ("citizen", "broker") or is_desk(move.who) else f"staff:{move.who}",
            transaction=case.transaction,
            case=case.id,
            client_id=case.client_id,
            details={
                "from": move.source or "",
                "to": move.target,
                "role": move.role,
                "reason": move.reason,
                "channel": case.channel or "",
                "language": case.language,
                **({"location": case.desk.location} if case.desk is not None and is_desk(move.who) else {}),
            },
        )
        for move in case.history[since:]
    )


def _drawn(context: CaseContext, before: Case, after: Case) -> tuple[QualitySample, ...]:
    """The sample of a decision that takes effect, if it is drawn."""
    verdict, policy, now = new_decision(before, after), context.rules.policy, context.system.now()
    if verdict is None:
        return ()
    mark = context.fingerprint(f"quality {after.id} {verdict.at!r}")
    return (sample(after, verdict, mark, now, policy.quality_within),) if drawn(mark, policy.quality_sample) else ()


def _draw_recorded(one: QualitySample) -> AuditEvent:
    details = {"sample": one.id, "agent": one.agent, "decision": one.decision}
    return AuditEvent("quality_drawn", one.drawn, "broker", case=one.case, details=details)


# --- notices ---


def _told(context: CaseContext, before: Case, after: Case) -> CaseWork:
    """The notices of a change of state, and with the notice of a bound identity the link that stops it."""
    told = tuple(notice(context, after, kind) for kind in notices_of(before, after))
    about = (
        None
        if after.contact is None or after.safety.unsafe
        else appointment_notice(before, after, context.rules.policy)
    )
    if about is not None:
        appointed = None if after.appointment is None else NoticeTimes(after.appointment.begins)
        told = (*told, notice(context, after, about[0], appointed, **about[1]))
    methods, now = context.prompts.contact_methods, context.system.now()
    told = (*told, *(_address_notice(context, after, one) for one in address_notices(before, after, methods)))
    former = () if after.former is None else after.former.recipients
    known = () if after.safety.unsafe else known_addresses(after, methods)
    everyone = tuple(dict.fromkeys((*recipients(after, known), *former)))
    if asks_to_replace(before, after):
        waits: Mapping[str, str | float] = {"starts": binds_from(after, context.rules.policy)}
        linked = _linked(context, after, NotificationKind.REBIND, everyone, waits)
    elif after.state is CaseState.BOUND is not before.state:
        warned = tuple(dict.fromkeys((*recipients(after, warned_addresses(after, methods)), *former)))
        where: Mapping[str, str | float] = {
            "service": context.told.service_name(after.client_id, after.language),
            "time": now,
        }
        linked = _linked(context, after, NotificationKind.CHECKED, warned, where)
    else:
        return CaseWork(notices=told)
    if not linked:
        return CaseWork(notices=told)
    notices, digest = linked
    link = FreezeLink(digest, after.id, after.reference, created=now, expires=now + FREEZE_LIFE, recipients=everyone)
    return CaseWork(notices=(*told, *notices), freeze_links=(link,))


def _linked(
    context: CaseContext,
    case: Case,
    kind: NotificationKind,
    warned: Sequence[Recipient],
    about: Mapping[str, str | float],
) -> tuple[Sequence[Notification], str] | None:
    """Notices with a link that stops the identity of a case, and the digest of the link; None without an address."""
    handle = handles.new_handle(context.system, size=16)
    fields = {
        "reference": case.reference,
        "contact": context.told.contact,
        "link": f"{context.told.freeze}{handle}",
        **about,
    }
    times = NoticeTimes(context.system.now() + NOTICE_LIFE)
    sent = [new_notification(context.system, kind, one, times, fields, case.id) for one in warned]
    return (sent, handles.sha256_hex(handle)) if sent else None


def _address_notice(context: CaseContext, case: Case, one: AddressNotice) -> Notification:
    help_at = {"contact": context.told.contact} if one.kind is NotificationKind.ADDRESS_REMOVED else {}
    times = NoticeTimes(one.expires or context.system.now() + NOTICE_LIFE)
    to = Recipient(one.to.way, one.to.address, case.language)
    fields = {"reference": case.reference, **one.fields, **help_at}
    return new_notification(context.system, one.kind, to, times, fields, case.id)


def recipients(case: Case, addresses: Iterable[Contact]) -> tuple[Recipient, ...]:
    """Addresses of a case, with the language of its citizen."""
    return tuple(Recipient(one.way, one.address, case.language) for one in addresses)


def notice(
    context: CaseContext, case: Case, kind: NotificationKind, times: NoticeTimes | None = None, **fields: str | float
) -> Notification:
    """A notice to the case's contact address, with the fields of its kind besides the reference.

    Raises ValueError for a case without a contact address, and for a missing or unknown field.
    """
    if case.contact is None:
        raise ValueError("the case has no contact address")
    recipient = Recipient(case.contact.way, case.contact.address, case.language)
    times = times or NoticeTimes(context.system.now() + NOTICE_LIFE)
    return new_notification(context.system, kind, recipient, times, {"reference": case.reference, **fields}, case.id)
