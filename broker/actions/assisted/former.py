"""Kept identities of earlier cases: compared by an agent, renewed, and bound again after their passkeys were lost."""

from collections.abc import Sequence
from dataclasses import replace

from broker.actions.assisted.context import CaseChange, CaseContext, recipients
from broker.actions.assisted.editing import edit_case
from broker.actions.assisted.evidence_input import fingerprints
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import ActionRefused, CaseRef, CaseView, EditRefused, StaffAction
from broker.actions.outbox.logout_tokens import logout_fan_out
from broker.actions.results import HelpOffered
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import IdentityBinding
from broker.assisted.case_work import CaseWork, FormerWrite
from broker.assisted.corrections import same_value
from broker.assisted.former import CasePurpose, FormerIdentity
from broker.assisted.notices import known_addresses
from broker.assisted.profiles import Profiles
from broker.assisted.transitions import TransitionRefused
from broker.assisted.verified_identity import identity
from broker.journey.transaction import Transaction
from broker.model.account import ErrandKind
from broker.model.audit import AuditEvent
from broker.model.identity import HELP
from broker.model.outbound_delivery import OutboundDelivery
from broker.model.passkey import FormerKept, KeptIdentity, KeptReach, next_reminder
from broker.model.security_event import Happened, HappenedKind, InitiatingEntity
from broker.oidc.security_events import security_events

DAY = 86_400
_PERSON = ("given_name", "family_name", "birthdate")
"""Claims that a kept identity and the details of a case must have in common."""


_ERRANDS = {ErrandKind.RENEW: CasePurpose.RENEWAL, ErrandKind.REBIND: CasePurpose.REBIND}


def purpose_of(transaction: Transaction, asked: CasePurpose) -> CasePurpose:
    """What a case of the transaction would be for: that of its errand, else what the citizen asked for. A renewal is
    only for a citizen who signed in to what is kept."""
    errand = transaction.request.errand
    if errand is not None and errand.kind in _ERRANDS:
        return _ERRANDS[errand.kind]
    return CasePurpose.REBIND if asked is CasePurpose.REBIND else CasePurpose.NEW


async def former_to_renew(context: CaseContext, offered: HelpOffered) -> FormerIdentity | None:
    """The kept identity for which the citizen's errand is; None if it is no renewal, or nothing is kept any more."""
    errand = offered.transaction.request.errand
    if offered.purpose is not CasePurpose.RENEWAL or errand is None or errand.replaced is None:
        return None
    found, now = await context.stores.former.load(errand.replaced), context.system.now()
    if found is None or found.account != errand.account or found.kept.identity.provider != HELP:
        return None
    usable = found.kept.frozen is None and now < found.kept.expires
    return former_identity(found, context.rules.profiles, now) if usable else None


async def former_of(context: CaseContext, case: Case) -> FormerKept | None:
    """What is kept of the citizen whose identity a case renews or binds again; None for another case, or if nothing is
    kept any more."""
    return None if case.former is None else await context.stores.former.load(case.former.key)


def former_identity(found: FormerKept, profiles: Profiles, now: float) -> FormerIdentity:
    """What a case has of the identity. The profile of an earlier check counts again for some time only."""
    kept, how = found.kept, found.kept.identity.verification
    again = now - kept.since <= profiles.renewal.within_days * DAY
    return FormerIdentity(
        kept.key,
        kept.identity.subject,
        kept.identity.level,
        kept.expires - kept.since,
        how.procedure if how is not None and again else None,
        found.rebound,
        found.reach.recipients,
    )


async def compare(context: CaseContext, staff: StaffPrincipal, ref: CaseRef, *, stolen: bool) -> CaseView | EditRefused:
    """Compares what is kept with what staff recorded: name and date of birth must agree, and for a lost passkey the
    number of a document that the earlier case had. What is kept is not shown.

    If the citizen says that the passkeys were `stolen`, they end at once, with the sessions that they proved.
    """

    async def make(case: Case) -> CaseChange | EditRefused:
        if case.purpose is CasePurpose.NEW:
            return TransitionRefused.NOT_NOW
        agreeing = [one for one in await _candidates(context, case) if _same_person(one.kept, case)]
        if not agreeing:
            return ActionRefused.NO_MATCH
        found, now = agreeing[0], context.system.now()
        if found.kept.frozen is not None or now >= found.kept.expires:
            return ActionRefused.STOPPED if found.kept.frozen is not None else ActionRefused.NO_MATCH
        event = ev.FormerConfirmed(staff.member.id, former_identity(found, context.rules.profiles, now), stolen)
        work = CaseWork(former=_ended(context, case, found, now)) if stolen else CaseWork()
        told = tuple(_passkeys_revoked(context, found, "", now, InitiatingEntity.ADMIN)) if stolen else ()
        return CaseChange((event,), replace(work, deliveries=told))

    return await edit_case(context, staff, StaffAction.COMPARE, ref, make)


async def _candidates(context: CaseContext, case: Case) -> Sequence[FormerKept]:
    """The kept identities that can be the citizen's: the one that they signed in to, or those whose case had a
    document with the same number."""
    if case.former is not None and case.purpose is CasePurpose.RENEWAL:
        found = await former_of(context, case)
        return () if found is None else (found,)
    kinds = context.rules.profiles.kinds
    marks = {
        mark
        for record in case.evidence
        if record.kind in kinds
        for mark in fingerprints(kinds[record.kind], record, context.fingerprint)
    }
    found_by_mark = await context.stores.former.by_marks(sorted(marks))
    return [one for one in found_by_mark if one.kept.identity.provider == HELP]


def _same_person(kept: KeptIdentity, case: Case) -> bool:
    have, said = kept.identity.claims, case.details.claims
    return "birthdate" in said and all(
        same_value(claim, str(have.get(claim, "")), said.get(claim, "")) for claim in _PERSON
    )


def bound_again(
    context: CaseContext, case: Case, binding: IdentityBinding, asker: str | None, found: FormerKept | None
) -> CaseChange | TransitionRefused:
    """The change that binds a case to the identity that was kept before: same subject, same account.

    A renewal replaces what is kept by what staff checked now. After the loss of the passkeys all others end, and what
    is kept stays as it was, never at a higher level. NOT_NOW if another case was faster, or if it was stopped.
    """
    mine, now = case.former, binding.at
    if mine is None or found is None or found.kept.frozen is not None or now >= found.kept.expires:
        return TransitionRefused.NOT_NOW
    if found.kept.key != mine.key or found.rebound != mine.rebound:
        return TransitionRefused.NOT_NOW
    binding = replace(binding, subject=mine.subject, kept=mine.key)
    proven = identity(replace(case, binding=binding), context.rules.issuer, context.rules.profiles)
    renews = case.purpose is CasePurpose.RENEWAL
    leads = case.passkey.digest if case.passkey is not None and case.passkey.confirmed is not None else ""
    before = found.kept.identity
    how = proven.verification
    level = min(mine.level, proven.level if not renews or how is None else how.level)
    if renews and how is not None and before.verification is not None:
        how = replace(how, evidence=(*how.evidence, *before.verification.evidence))
    kept = (
        replace(found.kept, identity=replace(proven, level=level, verification=how), since=now, expires=now + mine.keep)
        if renews
        else replace(found.kept, identity=replace(before, level=level))
    )
    known = () if case.safety.unsafe else recipients(case, known_addresses(case, context.prompts.contact_methods))
    remind_at = next_reminder(kept.expires, now, context.rules.reminders)
    reach = KeptReach(tuple(dict.fromkeys((*known, *found.reach.recipients))), remind_at, case.id)
    write = replace(_ended(context, case, found, now), kept=kept, reach=reach, leads=leads, ends=not renews)
    deliveries: list[OutboundDelivery] = []
    if found.account is not None and leads:
        deliveries += _told(context, HappenedKind.PASSKEY_CREATED, found.account, leads, now)
    if not renews:
        deliveries += _passkeys_revoked(context, found, leads, now, InitiatingEntity.USER)
    if found.account is not None and level is not before.level:
        changed = Happened(
            kind=HappenedKind.LEVEL_CHANGED,
            account=found.account,
            fact=f"{kept.key} {now}",
            at=now,
            by=InitiatingEntity.POLICY,
            level_before=before.level,
            level_after=level,
        )
        deliveries += security_events(changed, context.told.services())
    work = CaseWork(former=write, leads=leads, deliveries=tuple(deliveries))
    return CaseChange((ev.Bound(binding, asker),), work)


def _ended(context: CaseContext, case: Case, found: FormerKept, now: float) -> FormerWrite:
    """The write that ends the passkeys of a kept identity and the sessions that they proved."""
    details = {"why": "passkey_replaced"}
    return FormerWrite(
        key=found.kept.key,
        rebound=found.rebound,
        kept=None,
        reach=found.reach,
        leads="",
        account=found.account,
        ended=AuditEvent("session_ended", now, "citizen", case=case.id, details=details),
        fan_out=logout_fan_out(context.told.services(), now, InitiatingEntity.USER),
    )


def _passkeys_revoked(
    context: CaseContext, found: FormerKept, leads: str, now: float, by: InitiatingEntity
) -> list[OutboundDelivery]:
    told: list[OutboundDelivery] = []
    for passkey in found.passkeys:
        if found.account is not None and passkey.digest != leads:
            told += _told(context, HappenedKind.PASSKEY_REVOKED, found.account, passkey.digest, now, by)
    return told


def _told(
    context: CaseContext,
    kind: HappenedKind,
    account: str,
    passkey: str,
    now: float,
    by: InitiatingEntity = InitiatingEntity.USER,
) -> Sequence[OutboundDelivery]:
    happened = Happened(kind=kind, account=account, fact=passkey, at=now, by=by)
    return security_events(happened, context.told.services())
