"""Case status for the citizen: how far the case is, what they must do, and until when.

It reveals no judgement of staff: a held case looks like one that is being decided.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from broker.assisted.case import Case
from broker.assisted.case_records import (
    Appointment,
    CallBack,
    CasePasskey,
    Channel,
    Confirmation,
    Contact,
    ContactMethod,
    Phrase,
    Promise,
    Safety,
)
from broker.assisted.case_states import WITH_AGENT, CaseState
from broker.assisted.deadlines import CasePolicy
from broker.assisted.intake import Intake
from broker.assisted.opening import Office
from broker.assisted.proofs import NOTHING_NEEDED, Needs
from broker.assisted.refusals import may_be_called
from broker.assisted.renewing import binds_from
from broker.normalize.email import unicode_address


class CaseStage(StrEnum):
    """Stages of a case as the citizen sees them."""

    ASKED = "asked"
    """The citizen must say when they are ready."""
    MORE_NEEDED = "more_needed"
    """Like `ASKED`, after staff requested more evidence."""
    TO_SEND = "to_send"
    """The citizen sends photographs and a video, and says when they are there."""
    MORE_TO_SEND = "more_to_send"
    """Like `TO_SEND`, after staff requested more evidence."""
    SENT = "sent"
    """Everything was sent; staff look at it in their order."""
    SCHEDULED = "scheduled"
    """The citizen has an appointment."""
    IN_LINE = "in_line"
    TALKING = "talking"
    BEING_DECIDED = "being_decided"
    TO_TAKE_UP = "to_take_up"
    """Approved: the citizen must prove that they opened the case."""
    REPLACING = "replacing"
    FROZEN = "frozen"
    STOPPED = "stopped"
    """The attempts to prove it are used up; a lead decides."""
    DONE = "done"
    OVER = "over"


_STAGES = {
    CaseState.DRAFT: CaseStage.ASKED,
    CaseState.REQUESTED: CaseStage.ASKED,
    CaseState.SCHEDULED: CaseStage.SCHEDULED,
    CaseState.QUEUED: CaseStage.IN_LINE,
    CaseState.CLAIMED: CaseStage.TALKING,
    CaseState.IN_SESSION: CaseStage.TALKING,
    CaseState.DECISION: CaseStage.BEING_DECIDED,
    CaseState.REVIEW: CaseStage.BEING_DECIDED,
    CaseState.HELD: CaseStage.BEING_DECIDED,
    CaseState.APPROVED: CaseStage.TO_TAKE_UP,
    CaseState.BOUND: CaseStage.DONE,
    CaseState.RELEASED: CaseStage.DONE,
    CaseState.DECLINED: CaseStage.OVER,
    CaseState.WITHDRAWN: CaseStage.OVER,
    CaseState.EXPIRED: CaseStage.OVER,
    CaseState.REVOKED: CaseStage.OVER,
}


_BY_SENDING = {
    CaseStage.ASKED: CaseStage.TO_SEND,
    CaseStage.IN_LINE: CaseStage.SENT,
    CaseStage.TALKING: CaseStage.BEING_DECIDED,
}
"""Stages of a case in which the citizen sends everything, and no meeting takes place."""

_AGAIN = {CaseStage.ASKED: CaseStage.MORE_NEEDED, CaseStage.TO_SEND: CaseStage.MORE_TO_SEND}
"""Stages after staff requested more evidence."""

TO_ACT = frozenset(
    {CaseStage.ASKED, CaseStage.MORE_NEEDED, CaseStage.TO_SEND, CaseStage.MORE_TO_SEND, CaseStage.TO_TAKE_UP}
)
"""Stages in which the case waits for the citizen."""

_CHANGEABLE = frozenset({CaseState.REQUESTED, CaseState.SCHEDULED, CaseState.QUEUED})


@dataclass(frozen=True, slots=True)
class Asked:
    """What the citizen asked for, as long as they may change it. The addresses are masked."""

    channel: Channel
    contact: Contact
    second: Contact | None
    safety: Safety
    intake: Intake


@dataclass(frozen=True, slots=True)
class CaseStatus:
    """Case as its citizen may see it. Times are seconds since 1970 UTC.

    `words` are displayed in the asking browser until approval; after that they are a proof, and no state shows them.
    `until` is when the citizen must have acted, None if they need not act. `contact` is masked. `code` says that a
    confirmation code was sent, `may_send` that another may be sent, `tries` how many attempts with code and words are
    left. `may_finish` is False in a browser in which what the citizen has would prove less than the service needs,
    `may_meet` says that another meeting may be asked for, `may_call` that a call may be. `call` is the call that is
    wanted or made, `missed_call` says that the last one did not reach the citizen. `needs` says what proves enough
    here. `other_meeting` is True while the case waits for another meeting. `looked_at` is when a lead will have looked
    at a case whose tries are used up. `redress_until` is by when other people take the new look that the citizen asked
    for, `answer` is a lead's answer to their complaint. `may_send_files` says that photographs of documents can be
    sent. `passkey` is displayed in the asking browser, and where it can finish the case; `may_make_passkey`
    says that one can be made here, `may_remove_passkey` that it can be removed. `starts` is from when the new
    passkey of a kept identity counts.

    `asked` is what was asked for, `appointment` the one that is to come, at `office` unless staff call. `may_book` says
    that appointments can be taken, `comes` that the citizen comes to an office and does not wait in line before.
    `open_hours` are those that last now or come next. `ahead` is how many cases are before this one in line, `wait` how
    long (seconds) it takes for half of the citizens, if that can be said. `promise` is by when staff said to talk
    to them, while they wait. `wanted` are the kinds of evidence that are asked for, by language; `missed` counts how
    often in a row staff missed the citizen, `closing` is when the request closes for that reason unless the citizen
    acts. `silent` says that no message is sent, since the citizen said that it is unsafe.
    """

    stage: CaseStage
    reference: str
    words: Phrase | None = None
    channel: Channel | None = None
    until: float | None = None
    ends: float | None = None
    contact: Contact | None = None
    code: Confirmation | None = None
    may_send: bool = False
    tries: int = 0
    may_finish: bool = False
    may_meet: bool = False
    may_call: bool = False
    call: CallBack | None = None
    missed_call: bool = False
    needs: Needs = NOTHING_NEEDED
    looked_at: float | None = None
    redress_until: float | None = None
    answer: str | None = None
    other_meeting: bool = False
    may_send_files: bool = False
    passkey: CasePasskey | None = None
    may_make_passkey: bool = False
    may_remove_passkey: bool = False
    starts: float | None = None
    asked: Asked | None = None
    appointment: Appointment | None = None
    office: Office | None = None
    may_book: bool = False
    comes: bool = False
    open_hours: tuple[float, float] | None = None
    ahead: int | None = None
    wait: int | None = None
    promise: Promise | None = None
    wanted: tuple[Mapping[str, str], ...] = ()
    missed: int = 0
    closing: float | None = None
    silent: bool = False


def case_status(
    case: Case, policy: CasePolicy, now: float, *, asking: bool, needed: Needs = NOTHING_NEEDED, attempts: int = 0
) -> CaseStatus:
    """Status of a case now. `asking` is True in the asking browser, `needed` is what proves there what the service
    needs; `attempts` counts those with codes and words.
    """
    stage, starts = _stage(case), binds_from(case, policy)
    if stage is CaseStage.TO_TAKE_UP and (case.frozen is not None or now < starts):
        stage = CaseStage.REPLACING if case.frozen is None else CaseStage.FROZEN
    to_take_up = stage is CaseStage.TO_TAKE_UP
    code = case.confirmation if to_take_up and case.confirmation and now < case.confirmation.expires else None
    called = case.call is not None and case.call.by is not None
    may_finish = to_take_up and (needed.without_call or (called and needed.by_call))
    return CaseStatus(
        stage,
        case.reference,
        words=case.phrase if asking and case.open and not case.approved_before else None,
        channel=case.channel,
        until=case.deadline if stage in TO_ACT else None,
        ends=case.expires,
        contact=None if case.contact is None else mask_contact(case.contact),
        code=code,
        may_send=may_finish and case.codes_sent < policy.max_codes,
        tries=max(0, policy.max_code_attempts - attempts) if to_take_up else 0,
        may_finish=may_finish,
        may_meet=to_take_up and case.meetings < policy.max_meetings,
        may_call=to_take_up
        and needed.by_call
        and not needed.code
        and case.call is None
        and may_be_called(case)
        and case.calls < policy.max_calls,
        call=case.call,
        missed_call=to_take_up and case.call is None and _last_call_missed(case),
        needs=needed,
        redress_until=case.redress_until if stage in (CaseStage.IN_LINE, CaseStage.TALKING) else None,
        answer=None if case.complaint is None or case.complaint.answered_by is None else case.complaint.answer,
        looked_at=case.deadline if stage is CaseStage.STOPPED else None,
        other_meeting=case.meetings > 0 and stage is CaseStage.IN_LINE,
        may_send_files=policy.files.enabled and case.state in (CaseState.REQUESTED, CaseState.QUEUED),
        passkey=case.passkey if asking or to_take_up else None,
        may_make_passkey=asking and _may_make_passkey(case),
        may_remove_passkey=asking and case.open and case.passkey is not None,
        starts=starts if stage is CaseStage.REPLACING else None,
        asked=asked_before(case),
        appointment=case.appointment if case.state is CaseState.SCHEDULED else None,
        promise=case.promise if case.state is CaseState.QUEUED else None,
        missed=case.missed,
        silent=case.safety.unsafe,
        closing=case.closing if case.state is CaseState.REQUESTED else None,
    )


def _may_make_passkey(case: Case) -> bool:
    waits = case.state in WITH_AGENT or case.state in (CaseState.REQUESTED, CaseState.QUEUED)
    return waits and (case.passkey is None or case.passkey.confirmed is None)


def _last_call_missed(case: Case) -> bool:
    calls = (move.event for move in reversed(case.history) if move.event.startswith("call_back"))
    return next(calls, "") in ("call_back_missed", "call_back_lapsed")


def asked_before(case: Case) -> Asked | None:
    """What was asked for, with masked addresses; None once it cannot be changed."""
    if case.state not in _CHANGEABLE or case.contact is None or case.channel is None:
        return None
    second = None if case.second_contact is None else mask_contact(case.second_contact)
    return Asked(case.channel, mask_contact(case.contact), second, case.safety, case.intake)


def _stage(case: Case) -> CaseStage:
    if case.attempts_exhausted:
        return CaseStage.STOPPED
    stage = _STAGES[case.state]
    if case.channel is Channel.SENT and stage in _BY_SENDING:
        stage = _BY_SENDING[stage]
    return _AGAIN.get(stage, stage) if case.more_asked else stage


def mask_contact(contact: Contact) -> Contact:
    """Masks a contact so that only its owner recognises it: first letter and domain, or the last three digits."""
    if contact.way is ContactMethod.EMAIL:
        name, _, site = unicode_address(contact.address).partition("@")
        return Contact(contact.way, f"{name[:1]}…@{site}")
    return Contact(contact.way, f"…{contact.address[-3:]}")
