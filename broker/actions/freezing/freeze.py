"""Stop an identity by a link; release it, or take it back, by a lead."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from broker.actions.assisted.case_view import case_view
from broker.actions.assisted.context import NOTICE_LIFE, TRIES, CaseContext, apply_events, audit_rows, load_case
from broker.actions.assisted.editing import load_permitted
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import ActionRefused, CaseRef, CaseView, EditRefused, StaffAction
from broker.actions.freezing.ports import Freezes
from broker.actions.outbox.logout_tokens import logout_fan_out
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_states import CaseState
from broker.assisted.freezing import FreezeWrite, ReleaseWrite, RevokeWrite
from broker.assisted.reasons import ReasonContext, valid_for
from broker.model.audit import AuditEvent
from broker.model.freeze_link import FreezeLink, LinkState
from broker.model.handle import sha256_hex
from broker.model.notification import NoticeTimes, Notification, NotificationKind, new_notification
from broker.model.outbound_delivery import OutboundDelivery
from broker.model.security_event import Happened, HappenedKind, InitiatingEntity
from broker.model.service import Service
from broker.oidc.security_events import security_events


@dataclass(frozen=True, slots=True)
class FreezeContext:
    """What stopping an identity works with. `services` are those that learn of it."""

    cases: CaseContext
    freezes: Freezes
    services: Mapping[str, Service]


async def look(context: FreezeContext, handle: str) -> LinkState:
    """Whether the link with this handle can stop an identity. Nothing is changed."""
    return await context.freezes.state(sha256_hex(handle), context.cases.system.now())


async def freeze(context: FreezeContext, handle: str) -> bool:
    """Stops the identity of a link. False, and nothing written, if the link is unknown, used or expired, or if there is
    nothing left to stop."""
    for _ in range(TRIES):
        link = await _link(context, handle)
        case = None if link is None else await load_case(context.cases, link.case)
        if link is None or case is None:
            return False
        now = context.cases.system.now()
        after = apply_events(context.cases, case, ev.Frozen(now))
        if not isinstance(after, Case):
            return False
        after = replace(after, version=case.version + 1)
        if await context.freezes.freeze(_write(context, link, case, after, now)):
            return True
    return False


async def _link(context: FreezeContext, handle: str) -> FreezeLink | None:
    return await context.freezes.link(sha256_hex(handle), context.cases.system.now())


def _write(context: FreezeContext, link: FreezeLink, before: Case, after: Case, now: float) -> FreezeWrite:
    ended = AuditEvent(kind="session_ended", at=now, actor="citizen", case=after.id, details={"why": "identity_frozen"})
    return FreezeWrite(
        link=link,
        case=after,
        issuer=context.cases.rules.issuer,
        events=audit_rows(after, len(before.history)),
        notices=_notices(context.cases, link, after, now),
        ended=ended,
        fan_out=logout_fan_out(context.services, now, InitiatingEntity.USER),
        about=_about(context, HappenedKind.ACCOUNT_FROZEN, after, now, InitiatingEntity.USER),
    )


def _about(
    context: FreezeContext, kind: HappenedKind, case: Case, now: float, by: InitiatingEntity
) -> Callable[[str], Sequence[OutboundDelivery]]:
    """The security events about the account of a case, to the services that know the citizen."""

    def events(account: str) -> Sequence[OutboundDelivery]:
        happened = Happened(kind=kind, account=account, fact=f"{case.id}:{case.version}", at=now, by=by)
        return security_events(happened, context.services)

    return events


def _notices(context: CaseContext, link: FreezeLink, case: Case, now: float) -> tuple[Notification, ...]:
    """Notices that the identity, or its new passkey, was stopped, to every address that knows of it."""
    fields: Mapping[str, str | float] = {"reference": link.reference, "contact": context.told.contact, "time": now}
    times = NoticeTimes(now + NOTICE_LIFE)
    bound = case.state is not CaseState.APPROVED
    kind = NotificationKind.FROZEN if bound else NotificationKind.REBIND_STOPPED
    return tuple(new_notification(context.system, kind, one, times, fields, case.id) for one in link.recipients)


async def release(context: FreezeContext, staff: StaffPrincipal, ref: CaseRef, reason: str) -> CaseView | EditRefused:
    """A lead releases a frozen identity: what is kept of it may be used again, what had ended stays ended."""
    if not valid_for(ReasonContext.UNFREEZE, reason):
        return ActionRefused.REASON
    for _ in range(TRIES):
        case = await load_permitted(context.cases, staff, StaffAction.UNFREEZE, ref)
        if not isinstance(case, Case):
            return case
        after = apply_events(context.cases, case, ev.Unfrozen(staff.member.id, reason))
        if not isinstance(after, Case) or case.frozen is None:
            return ActionRefused.CONFLICT if isinstance(after, Case) else after
        after, now = replace(after, version=case.version + 1), context.cases.system.now()
        write = ReleaseWrite(
            case=after,
            frozen=case.frozen,
            issuer=context.cases.rules.issuer,
            events=audit_rows(after, len(case.history)),
            about=_about(context, HappenedKind.ACCOUNT_RELEASED, after, now, InitiatingEntity.ADMIN),
        )
        if await context.freezes.release(write):
            return case_view(context.cases, after, staff.member)
    return ActionRefused.CONFLICT


async def revoke(context: FreezeContext, staff: StaffPrincipal, ref: CaseRef, reason: str) -> CaseView | EditRefused:
    """A lead takes a bound identity back: everything of its account ends at once, and its services get events."""
    if not valid_for(ReasonContext.REVOKE, reason):
        return ActionRefused.REASON
    for _ in range(TRIES):
        case = await load_permitted(context.cases, staff, StaffAction.REVOKE, ref)
        if not isinstance(case, Case):
            return case
        after = apply_events(context.cases, case, ev.Revoked(staff.member.id, reason))
        if not isinstance(after, Case):
            return after
        after, now = replace(after, version=case.version + 1), context.cases.system.now()
        actor, details = f"staff:{staff.member.id}", {"why": "identity_revoked"}
        write = RevokeWrite(
            case=after,
            binding=case.binding,
            issuer=context.cases.rules.issuer,
            events=audit_rows(after, len(case.history)),
            ended=AuditEvent(kind="session_ended", at=now, actor=actor, case=after.id, details=details),
            fan_out=logout_fan_out(context.services, now, InitiatingEntity.ADMIN),
            about=_about(context, HappenedKind.IDENTITY_REVOKED, after, now, InitiatingEntity.ADMIN),
        )
        if await context.freezes.revoke(write):
            return case_view(context.cases, after, staff.member)
    return ActionRefused.CONFLICT
