"""Effects of events: the fields of the case that each event changes, and the state it leads to.

`transitions.refusal` has decided before whether the event may happen.
"""

from dataclasses import replace

from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import (
    CallBack,
    Decision,
    Flag,
    Unsettled,
    Verdict,
)
from broker.assisted.case_states import CaseState
from broker.assisted.corrections import with_corrections, with_override, with_overrides
from broker.assisted.deadlines import CasePolicy
from broker.assisted.desk_visits import at_counter
from broker.assisted.erasure import erased
from broker.assisted.meeting import Transition, appointed, asked, contacted, queue, union
from broker.assisted.opening import DAY
from broker.assisted.oversight import overseen
from broker.assisted.renewing import confirmed, unmatched
from broker.assisted.rework import reset_work
from broker.assisted.separation_of_duties import second_review_reasons

AFTER_REDRESS = 2 * DAY
"""Seconds that a case lasts at least after the time for a new look, so that its citizen can still take it up."""

S = CaseState


def apply(case: Case, event: ev.Event, now: float, policy: CasePolicy) -> Transition:
    """Applies one event to the case. Every event belongs to exactly one of the three groups (citizen, clock, staff)."""
    if isinstance(event, ev.ByCitizen):
        return _by_citizen(case, event, now, policy)
    if isinstance(event, ev.ByClock):
        return _by_clock(case, event, now, policy)
    if isinstance(event, ev.SlotsByStaff):
        return appointed(case, event, now, policy)
    return _by_staff(case, event, now, policy)


def _by_citizen(case: Case, event: ev.ByCitizen, now: float, policy: CasePolicy) -> Transition:
    match event:
        case ev.Submitted() | ev.Changed() | ev.KeptOpen() | ev.SecondRemoved():
            return asked(case, event)
        case ev.Scheduled() | ev.SlotCancelled():
            return appointed(case, event, now, policy)
        case ev.ReadyForSession():
            return queue(case, case.changed)
        case ev.Resumed(browser, _, continuation, asking):
            return Transition(replace(case, browser=browser, continuation=continuation, moved=not asking))
        case ev.TransactionReplaced(transaction):
            return Transition(replace(case, transaction=transaction))
        case ev.ContinuationCodeIssued(continuation):
            return Transition(replace(case, continuation=continuation))
        case ev.PasskeyRegistered(passkey):
            return Transition(replace(case, passkey=passkey))
        case ev.PasskeyRemoved():
            return Transition(replace(case, passkey=None))
        case ev.DeviceConfirmed(evidence):
            kept = tuple(one for one in case.evidence if one.id != evidence.id)
            return Transition(replace(case, evidence=(*kept, evidence)), None, evidence.kind)
        case ev.Released():
            return Transition(erased(case), S.RELEASED)
        case ev.Withdrawn(reason):
            return Transition(erased(case), S.WITHDRAWN, reason)
        case ev.Repudiated():
            return Transition(erased(case), S.REVOKED)
        case _:
            return _after_decision(case, event)


def _after_decision(case: Case, event: ev.ByCitizen) -> Transition:
    """Applies what a citizen does with an approved or declined case."""
    match event:
        case ev.CodeSent(confirmation):
            return Transition(replace(case, confirmation=confirmation, codes_sent=case.codes_sent + 1))
        case ev.CallBackRequested(asked, until):
            wanted = replace(case, call=CallBack(asked, until), calls=case.calls + 1)
            return Transition(_until(wanted, until))
        case ev.MeetingRequested():
            return queue(_meeting_again(case, event), case.changed)
        case ev.RedressAsked(words, browser, asker, until):
            shown = replace(reset_work(case, words), browser=browser, asker=asker, moved=False)
            again = replace(shown, redress_until=until)
            return queue(_until(again, until + AFTER_REDRESS), case.changed)
        case ev.Complained(complaint):
            return Transition(replace(case, complaint=complaint))
        case ev.Bound(binding, asker):
            bound = replace(case, binding=binding, confirmation=None, call=None)
            return Transition(bound if asker is None else replace(bound, asker=asker, moved=False), S.BOUND)
        case ev.Frozen(at):
            return Transition(replace(case, frozen=at))
        case _:
            raise TypeError(f"no effect is known for {type(event).__name__}")


def _by_clock(case: Case, event: ev.ByClock, now: float, policy: CasePolicy) -> Transition:
    match event:
        case ev.Settled():
            return _settle(case, policy)
        case ev.SlotReached() | ev.ReminderDue():
            return appointed(case, event, now, policy)
        case ev.LeaseLapsed():
            return _release(case, "")
        case ev.PromiseMissed():
            return Transition(replace(case, promise=case.promise and replace(case.promise, missed=True)))
        case ev.ReviewLate() | ev.HoldLate():
            return Transition(replace(case, late=True))
        case ev.CallBackLapsed():
            return Transition(replace(case, call=None))
        case ev.AttemptsExhausted():
            return Transition(_suspended(case), S.HELD)
        case ev.DeadlinePassed():
            return Transition(erased(case), S.EXPIRED)
        case ev.RedressEnded():
            return Transition(replace(erased(case), deadline=None))


def _by_staff(case: Case, event: ev.ByStaff, now: float, policy: CasePolicy) -> Transition:
    lease = now + (case.desk.lease if case.desk is not None and case.at_desk else policy.lease)
    match event:
        case ev.DeskAccepted() | ev.DeskFileReceived() | ev.Recommended():
            return Transition(*at_counter(case, event, now, policy))
        case ev.Claimed(by):
            return Transition(replace(case, agent=by, lease=lease), S.CLAIMED)
        case ev.ReviewClaimed(by):
            return Transition(replace(case, reviewer=by, lease=lease))
        case ev.Renewed():
            return Transition(replace(case, lease=lease))
        case ev.SessionStarted(_, channel):
            return Transition(replace(case, channel=channel, lease=lease, missed=0), S.IN_SESSION, channel.value)
        case ev.RoomOpened() | ev.ContactTried():
            return contacted(case, event, now, policy)
        case ev.SessionEnded():
            return Transition(replace(case, lease=lease), S.DECISION)
        case ev.Decided() if policy.correction:
            pending = Unsettled(now + policy.correction, event.alike, event.drawn, event.phrase)
            undone = replace(case, verdict=event.verdict, lease=None, unsettled=pending)
            return Transition(undone, None, _said(event.verdict))
        case ev.Decided():
            return _apply_decision(case, event, policy)
        case ev.Corrected():
            return Transition(replace(case, verdict=None, unsettled=None, lease=lease))
        case ev.IndependentReviewRecorded(view):
            reason = " ".join((view.decision, *view.reasons))
            return Transition(replace(case, independent_review=view, lease=lease), None, reason)
        case ev.Reviewed():
            return _apply_review(case, event)
        case ev.Returned() | ev.SessionDropped() | ev.Reassigned():
            return _release(case, event.reason)
        case ev.Assigned() | ev.Held() | ev.HoldEnded() | ev.HoldDeclined() | ev.Revoked() | ev.Unfrozen():
            return _by_lead(case, event, now, lease, policy)
        case _:
            return _record(case, event, now, lease)


def _by_lead(
    case: Case,
    event: ev.Assigned | ev.Held | ev.HoldEnded | ev.HoldDeclined | ev.Revoked | ev.Unfrozen,
    now: float,
    lease: float,
    policy: CasePolicy,
) -> Transition:
    match event:
        case ev.Unfrozen(_, reason):
            released = replace(case, frozen=None)
            kept_open = _until(released, now + policy.bind) if case.state is S.APPROVED else released
            return Transition(kept_open, None, reason)
        case ev.Assigned(_, to, reason):
            freed = _release(case, f"{to} {reason}".strip())
            if case.state is S.REVIEW:
                return replace(freed, case=replace(freed.case, reviewer=to, lease=lease))
            return replace(freed, case=replace(freed.case, agent=to, lease=lease), target=S.CLAIMED)
        case ev.Held():
            return Transition(_suspended(case), S.HELD, event.reason)
        case ev.HoldEnded() if event.approved:
            return Transition(_with_new_tries(case), S.APPROVED, event.reason)
        case ev.HoldEnded():
            queued = queue(reset_work(case, event.phrase), now)
            return replace(queued, reason=event.reason)
        case ev.HoldDeclined(by, reasons, note):
            verdict = Verdict(by, now, Decision.DECLINE, reasons, note)
            return Transition(replace(case, verdict=verdict), S.DECLINED, " ".join(reasons))
        case ev.Revoked():
            return Transition(erased(case), S.REVOKED, event.reason)


def _record(case: Case, event: ev.ByStaff, now: float, lease: float) -> Transition:
    """Applies an event that only records something in the case. Recording renews the lease."""
    match event:
        case ev.WordsExchanged() | ev.PromptsFollowed() | ev.PasskeyConfirmed() | ev.FormerConfirmed():
            stolen = isinstance(event, ev.FormerConfirmed) and event.stolen
            return Transition(replace(_heard(case, event), lease=lease), None, "passkeys_ended" if stolen else "")
        case ev.EvidenceRecorded(_, evidence, marks):
            before = {one.id: one for one in case.evidence}
            case = unmatched(case)
            before[evidence.id] = with_overrides(evidence, before.get(evidence.id))
            marks = union(case.fingerprints, marks)
            return Transition(
                replace(case, evidence=tuple(before.values()), fingerprints=marks, lease=lease), None, evidence.kind
            )
        case ev.EvidenceRemoved(_, id):
            kept = tuple(one for one in case.evidence if one.id != id)
            return Transition(replace(unmatched(case), evidence=kept, lease=lease), None, id)
        case ev.ChecksRecorded(_, checks):
            recorded = {check.check: check for check in case.checks}
            for check in checks:
                recorded[check.check] = with_override(check, recorded.get(check.check))
            return Transition(replace(case, checks=tuple(recorded.values()), lease=lease))
        case ev.DetailsRecorded(by, claims):
            details = with_corrections(case.details, claims, by, now)
            return Transition(replace(unmatched(case), details=details, lease=lease))
        case ev.Opened(_, reason):
            return Transition(case, None, reason)
        case ev.Flagged(by, reason):
            flagged = replace(case, flags=(*case.flags, Flag(by, now, reason)))
            return Transition(_suspended(flagged), S.HELD) if case.state is S.APPROVED else Transition(flagged)
        case ev.Noted() | ev.Acknowledged() | ev.LeadAsked() | ev.LeadAnswered():
            return Transition(overseen(case, event, now))
        case ev.CallBackStarted() if case.call is not None:
            call = replace(case.call, by=event.by, nonce=event.nonce, expires=event.expires)
            return Transition(_until(replace(case, call=call), event.expires))
        case ev.ComplaintAnswered(by, answer) if case.complaint is not None:
            answered = replace(case.complaint, answer=answer, answered_by=by, answered=now)
            return Transition(replace(case, complaint=answered))
        case ev.CallBackMissed():
            return Transition(replace(case, call=None), None, event.reason)
        case ev.InterestDeclared(by):
            return _apply_conflict(replace(case, conflicts_of_interest=union(case.conflicts_of_interest, (by,))), by)
        case _:
            raise TypeError(f"no effect is known for {type(event).__name__}")


def _settle(case: Case, policy: CasePolicy) -> Transition:
    pending, verdict = case.unsettled, case.verdict
    if pending is None or verdict is None:
        raise ValueError("there is no decision to settle")
    decided = ev.Decided(verdict, pending.alike, pending.drawn, pending.phrase)
    return _apply_decision(replace(case, unsettled=None), decided, policy)


def _said(verdict: Verdict) -> str:
    return " ".join((verdict.decision, *verdict.reasons))


def _heard(
    case: Case, event: ev.WordsExchanged | ev.PromptsFollowed | ev.PasskeyConfirmed | ev.FormerConfirmed
) -> Case:
    """Applies what agent and citizen said to each other, and that it agrees with what is kept."""
    if isinstance(event, ev.FormerConfirmed):
        return confirmed(case, event)
    if not isinstance(event, ev.PasskeyConfirmed):
        return replace(case, phrase_verified=True)
    return case if case.passkey is None else replace(case, passkey=replace(case.passkey, confirmed=event.by))


def _apply_decision(case: Case, event: ev.Decided, policy: CasePolicy) -> Transition:
    verdict = event.verdict
    updated = replace(case, verdict=verdict, lease=None)
    reason = _said(verdict)
    match verdict.decision:
        case Decision.APPROVE:
            two = second_review_reasons(case, verdict, event.alike, policy, drawn=event.drawn)
            return Transition(
                replace(updated, second_review_reasons=two), S.REVIEW if two else S.APPROVED, " ".join((reason, *two))
            )
        case Decision.MORE_EVIDENCE:
            again = replace(
                reset_work(updated, event.phrase),
                more_asked=case.more_asked + 1,
                wanted=verdict.wanted,
                appointment=None,
            )
            return Transition(again, S.REQUESTED, reason)
        case Decision.DECLINE:
            two = second_review_reasons(case, verdict, event.alike, policy, drawn=event.drawn)
            return Transition(
                replace(updated, second_review_reasons=two), S.REVIEW if two else S.DECLINED, " ".join((reason, *two))
            )
        case Decision.REFER:
            return Transition(updated, S.HELD, reason)


def _apply_review(case: Case, event: ev.Reviewed) -> Transition:
    """The agent's decision takes effect if the reviewer agrees; else the case is held."""
    review, declined = event.review, case.verdict is not None and case.verdict.decision is Decision.DECLINE
    reason = " ".join(("agrees" if review.agrees else "disagrees", *review.reasons))
    decided = S.DECLINED if declined else S.APPROVED
    return Transition(replace(case, review=review, lease=None), decided if review.agrees else S.HELD, reason)


def _apply_conflict(case: Case, by: str) -> Transition:
    """Applies a declared conflict of interest: returns the case if the member holds it, holds it if they
    worked on it.
    """
    if case.state is S.CLAIMED and by == case.agent:
        return _release(case, "")
    if case.state in (S.IN_SESSION, S.DECISION, S.REVIEW, S.APPROVED) and by == case.agent:
        return Transition(_suspended(case), S.HELD)
    if case.state is S.APPROVED and by == case.reviewer:
        return Transition(_suspended(case), S.HELD)
    return _release(case, "") if case.state is S.REVIEW and by == case.reviewer else Transition(case)


def _release(case: Case, reason: str) -> Transition:
    """Releases the case: an agent's case returns to the queue, a review becomes free for another reviewer."""
    if case.state is S.REVIEW:
        return Transition(replace(case, reviewer=None, independent_review=None, lease=None), None, reason)
    return Transition(reset_work(case), S.QUEUED, reason)


def _meeting_again(case: Case, event: ev.MeetingRequested) -> Case:
    """The case for another meeting: what was recorded stays, except the checks to make again; the present browser
    becomes the asking one, since its words are exchanged in the meeting.
    """
    evidence = tuple(
        replace(one, checks=tuple(check for check in one.checks if check.check not in event.repeat))
        for one in case.evidence
    )
    reset = reset_work(case, event.phrase)
    return replace(reset, evidence=evidence, asker=event.asker, moved=False, passkey=None, meetings=case.meetings + 1)


def _suspended(case: Case) -> Case:
    return replace(case, lease=None, confirmation=None, call=None, unsettled=None)


def _with_new_tries(case: Case) -> Case:
    """The case for new tries of the citizen, after a lead looked at it: with a new counter, new codes and new calls."""
    return replace(case, bind_round=case.bind_round + 1, codes_sent=0, calls=0, late=False)


def _until(case: Case, moment: float) -> Case:
    """The case with a deadline that does not pass before a moment."""
    deadline = None if case.deadline is None else max(case.deadline, moment)
    return replace(case, deadline=deadline, expires=max(case.expires, moment))
