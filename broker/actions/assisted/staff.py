"""What staff do with cases: find work, hold a session, decide, review, lead. Each change goes through `edit_case`."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from broker.actions.assisted import device_prompt, evidence_input
from broker.actions.assisted.case_view import case_view
from broker.actions.assisted.context import CaseContext, load_case, refresh_all
from broker.actions.assisted.editing import always, edit_case
from broker.actions.assisted.former import compare
from broker.actions.assisted.permissions import closed, has_staff_role
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import (
    ActionRefused,
    CaseRef,
    CaseRole,
    CaseView,
    CheckAnswer,
    EditRefused,
    EvidenceEntry,
    InvalidInput,
    RefusalReason,
    StaffAction,
)
from broker.actions.connectors.look_up import ask_source
from broker.actions.connectors.ports import Connector
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Channel, Decision, IndependentReview, Review, Verdict
from broker.assisted.case_states import CaseState
from broker.assisted.codes import lint_note, phrase
from broker.assisted.levels import assess
from broker.assisted.profiles import Profiles
from broker.assisted.queue import in_turn, worker
from broker.assisted.reasons import DECISION_REASONS, ReasonContext, valid_for
from broker.assisted.transitions import TransitionRefused
from broker.model.audit import AuditEvent
from broker.model.backchannel_request import BackchannelRequest
from broker.model.staff import StaffMember

READ_AT_ONCE = 20
"""How many waiting cases are read at a time to find the next one for a member of staff."""

LONGEST_NOTE = 2000
"""Characters of a note at most."""


@dataclass(frozen=True, slots=True)
class StaffCases:
    """The actions of a signed-in member of staff. `reason` is a word of the action's list in `assisted.reasons`."""

    context: CaseContext
    connectors: Mapping[str, Connector] = field(default_factory=dict)

    # --- finding work ---

    async def own_cases(self, who: StaffPrincipal) -> tuple[CaseView, ...]:
        """The cases that the member of staff holds."""
        held = await refresh_all(self.context, await self.context.stores.cases.by_holder(who.member.id))
        return tuple(case_view(self.context, case, who.member) for case in held if case.holder == who.member.id)

    async def next_case(self, who: StaffPrincipal) -> CaseView | EditRefused:
        """Claims the next case in turn. With as many cases as the member of staff may hold, returns the first of them.

        NOTHING if none is waiting.
        """
        mine = [one for one in await self.own_cases(who) if one.case.unsettled is None]
        if len(mine) >= who.member.capacity:
            return mine[0]
        async for case in self._in_turn(who.member):
            claimed = await self.claim(who, CaseRef(case.id, case.edit_version))
            if isinstance(claimed, CaseView):
                return claimed
        return ActionRefused.NOTHING

    async def _in_turn(self, member: StaffMember) -> AsyncIterator[Case]:
        """The cases that the member of staff may take, in turn: a few are read at a time, until none is left."""
        lists, last = self.context.stores.lists, None
        while found := await lists.next_for(worker(member), self.context.system.now(), READ_AT_ONCE, last):
            for case in in_turn(await refresh_all(self.context, found), member):
                yield case
            last = found[-1]

    async def claim(self, who: StaffPrincipal, ref: CaseRef) -> CaseView | EditRefused:
        """Takes a case that waits for an agent or a reviewer."""

        async def make(case: Case) -> ev.ByStaff:
            return ev.ReviewClaimed(who.member.id) if case.state is CaseState.REVIEW else ev.Claimed(who.member.id)

        return await edit_case(self.context, who, StaffAction.CLAIM, ref, make)

    async def open_by_reference(self, who: StaffPrincipal, reference: str, reason: str) -> CaseView | EditRefused:
        """Looks a case up by its exact reference. The reason is recorded, if a case was found or not."""
        if not has_staff_role(who.member, StaffAction.OPEN):
            return ActionRefused.NOT_ALLOWED
        if not valid_for(ReasonContext.OPEN, reason):
            return ActionRefused.REASON
        made = always(ev.Opened(who.member.id, reason))
        opened = await edit_case(self.context, who, StaffAction.OPEN, reference, made)
        if not isinstance(opened, CaseView):
            now, actor = self.context.system.now(), f"staff:{who.member.id}"
            missed = AuditEvent("case_not_found", now, actor, details={"reason": reason})
            await self.context.stores.audit.write([missed])
            return ActionRefused.UNKNOWN
        return ActionRefused.UNKNOWN if opened.role is CaseRole.NONE else opened

    async def view_case(self, who: StaffPrincipal, case_id: str) -> CaseView | RefusalReason:
        """A case that the member of staff holds, or looked up a moment ago; else LAPSED or UNKNOWN."""
        case = await load_case(self.context, case_id)
        if case is None:
            return ActionRefused.UNKNOWN
        view = case_view(self.context, case, who.member)
        return closed(case, who.member) if view.role is CaseRole.NONE else view

    # --- the session ---

    async def renew(self, who: StaffPrincipal, case_id: str) -> CaseView | EditRefused:
        """Extends the lease."""
        return await self._edit(who, StaffAction.RENEW, CaseRef(case_id), ev.Renewed(who.member.id))

    async def return_to_queue(self, who: StaffPrincipal, ref: CaseRef, reason: str) -> CaseView | EditRefused:
        """The holder gives the case back."""
        wrong, event = _wrong_reasons(ReasonContext.PUT_BACK, reason), ev.Returned(who.member.id, reason)
        return await self._edit(who, StaffAction.RETURN_TO_QUEUE, ref, event, wrong)

    async def start_session(self, who: StaffPrincipal, ref: CaseRef, channel: Channel) -> CaseView | EditRefused:
        """The agent and the citizen meet."""
        return await self._edit(who, StaffAction.START_SESSION, ref, ev.SessionStarted(who.member.id, channel))

    async def verify_phrase(self, who: StaffPrincipal, ref: CaseRef) -> CaseView | EditRefused:
        """The citizen read out the first word of the phrase, the agent the second, and both were right."""
        return await self._edit(who, StaffAction.VERIFY_PHRASE, ref, ev.WordsExchanged(who.member.id))

    async def confirm_prompts(self, who: StaffPrincipal, ref: CaseRef) -> CaseView | EditRefused:
        """In the video that the citizen sent they followed the prompts."""
        return await self._edit(who, StaffAction.CONFIRM_PROMPTS, ref, ev.PromptsFollowed(who.member.id))

    async def confirm_passkey(self, who: StaffPrincipal, ref: CaseRef, digest: str) -> CaseView | EditRefused:
        """The citizen said that they made the passkey with this digest where they read the words."""
        event = ev.PasskeyConfirmed(who.member.id, digest)
        return await self._edit(who, StaffAction.CONFIRM_PASSKEY, ref, event)

    async def record_evidence(self, who: StaffPrincipal, ref: CaseRef, entry: EvidenceEntry) -> CaseView | EditRefused:
        """Records a piece of evidence with its checklist, new or in place of an earlier one."""
        context = self.context

        async def make(case: Case) -> ev.ByStaff | EditRefused:
            made = evidence_input.evidence(case, context.rules.profiles, who.member, context.system.now(), entry)
            if isinstance(made, InvalidInput):
                return made
            kind = context.rules.profiles.kinds[entry.kind]
            marks = evidence_input.fingerprints(kind, made, context.fingerprint)
            vouched = 0 if kind.vouch is None else await context.stores.cases.count_similar(marks, case.id)
            refused = evidence_input.vouched_too_often(kind, vouched)
            return refused or ev.EvidenceRecorded(who.member.id, made, marks)

        return await edit_case(context, who, StaffAction.RECORD, ref, make)

    async def remove_evidence(self, who: StaffPrincipal, ref: CaseRef, evidence: str) -> CaseView | EditRefused:
        """Removes a piece of evidence that staff recorded. An approval then needs a second person."""
        profiles = self.context.rules.profiles

        async def make(case: Case) -> ev.ByStaff | EditRefused:
            if evidence_input.recorded_by_staff(case, profiles, evidence) is None:
                return TransitionRefused.NOT_NOW
            return ev.EvidenceRemoved(who.member.id, evidence)

        return await edit_case(self.context, who, StaffAction.RECORD, ref, make)

    async def record_checks(
        self, who: StaffPrincipal, ref: CaseRef, answers: Sequence[CheckAnswer]
    ) -> CaseView | EditRefused:
        """Records the checks of the person (`profiles.person`)."""
        context = self.context

        async def make(case: Case) -> ev.ByStaff | EditRefused:
            now = context.system.now()
            made = evidence_input.person_checks(case, context.rules.profiles, who.member, now, answers)
            return made if isinstance(made, InvalidInput) else ev.ChecksRecorded(who.member.id, made)

        return await edit_case(context, who, StaffAction.RECORD, ref, make)

    async def record_details(
        self, who: StaffPrincipal, ref: CaseRef, claims: Mapping[str, str]
    ) -> CaseView | EditRefused:
        """Records the person's details as the evidence shows them (`evidence_input.DETAILS`)."""
        context = self.context

        async def make(_case: Case) -> ev.ByStaff | EditRefused:
            made = evidence_input.details(claims, context.system.now())
            return made if isinstance(made, InvalidInput) else ev.DetailsRecorded(who.member.id, made)

        return await edit_case(context, who, StaffAction.RECORD, ref, make)

    async def ask_source(self, who: StaffPrincipal, ref: CaseRef, connector: str, piece: str) -> CaseView | EditRefused:
        """Asks a source about a piece of evidence, or about the person if `piece` is "" (`connectors.look_up`)."""
        found = self.connectors.get(connector)
        return ActionRefused.UNKNOWN if found is None else await ask_source(self.context, found, who, ref, piece)

    async def ask_citizen(self, who: StaffPrincipal, ref: CaseRef, message: str) -> BackchannelRequest | RefusalReason:
        """Asks the citizen to confirm on their own device (`device_prompt`)."""
        return await device_prompt.ask_citizen(self.context, who, ref, message)

    async def questions(self, view: CaseView) -> tuple[BackchannelRequest, ...]:
        """The questions that the citizen was asked on their own device (`device_prompt`)."""
        return await device_prompt.questions_of(self.context, view)

    async def compare_former(self, who: StaffPrincipal, ref: CaseRef, *, stolen: bool) -> CaseView | EditRefused:
        """Compares what is kept of the citizen with what was recorded (`former`)."""
        return await compare(self.context, who, ref, stolen=stolen)

    async def end_session(self, who: StaffPrincipal, ref: CaseRef) -> CaseView | EditRefused:
        """Ends the session; the decision is next. The citizen does not learn it in the session."""
        return await self._edit(who, StaffAction.END_SESSION, ref, ev.SessionEnded(who.member.id))

    async def drop_session(self, who: StaffPrincipal, ref: CaseRef, reason: str) -> CaseView | EditRefused:
        """The session broke off; the citizen waits again."""
        wrong, event = _wrong_reasons(ReasonContext.DROP, reason), ev.SessionDropped(who.member.id, reason)
        return await self._edit(who, StaffAction.DROP_SESSION, ref, event, wrong)

    # --- deciding ---

    async def decide(
        self,
        who: StaffPrincipal,
        ref: CaseRef,
        decision: Decision,
        reasons: Sequence[str],
        note: str = "",
        wanted: Sequence[str] = (),
    ) -> CaseView | EditRefused:
        """Records the agent's decision. The level is computed; the random review is drawn after the decision.

        `wanted` are the kinds of evidence that the citizen is asked for, if more evidence is.
        """
        context, member = self.context, who.member
        rules = context.rules

        async def make(case: Case) -> ev.ByStaff | EditRefused:
            wrong = _wrong_note(note) or _wrong_decision_reasons(decision, reasons)
            if wrong is not None:
                return wrong
            found = assess(case, rules.profiles)
            verdict = Verdict(
                by=member.id,
                at=context.system.now(),
                decision=decision,
                reasons=tuple(reasons),
                note=note.strip(),
                level=found.level,
                profile=found.profile,
                profiles=found.version,
                in_training=member.in_training,
                wanted=_known_kinds(rules.profiles, wanted) if decision is Decision.MORE_EVIDENCE else (),
            )
            marks = evidence_input.all_fingerprints(case, rules.region, context.fingerprint)
            alike = await context.stores.cases.count_similar(marks, case.id) if marks else 0
            approves = decision is Decision.APPROVE
            share = rules.policy.random_review if approves else rules.policy.random_review_declines
            drawn = int.from_bytes(context.system.random_bytes(8)) < share * 2**64
            return ev.Decided(verdict, alike, drawn, phrase(context.system.random_bytes))

        return await edit_case(context, who, StaffAction.DECIDE, ref, make)

    async def correct(self, who: StaffPrincipal, ref: CaseRef) -> CaseView | EditRefused:
        """The agent takes a decision back that has not taken effect."""
        return await self._edit(who, StaffAction.CORRECT, ref, ev.Corrected(who.member.id))

    async def record_independent_review(
        self, who: StaffPrincipal, ref: CaseRef, decision: Decision, reasons: Sequence[str], note: str = ""
    ) -> CaseView | EditRefused:
        """Records what the reviewer would decide, before they see the agent's verdict."""
        wrong = _wrong_note(note) or _wrong_decision_reasons(decision, reasons)
        view = IndependentReview(who.member.id, self.context.system.now(), decision, tuple(reasons), note.strip())
        return await self._edit(who, StaffAction.INDEPENDENT_REVIEW, ref, ev.IndependentReviewRecorded(view), wrong)

    async def review_verdict(
        self, who: StaffPrincipal, ref: CaseRef, reasons: Sequence[str], note: str = "", *, agrees: bool
    ) -> CaseView | EditRefused:
        """Records if the reviewer agrees with the agent's verdict. To disagree needs a reason."""
        wrong = _wrong_note(note)
        if wrong is None and (reasons or not agrees):
            wrong = _wrong_reasons(ReasonContext.AGREE if agrees else ReasonContext.DISAGREE, *reasons)
        review = Review(who.member.id, self.context.system.now(), agrees, tuple(reasons), note.strip())
        return await self._edit(who, StaffAction.REVIEW, ref, ev.Reviewed(review), wrong)

    # --- leads ---

    async def reassign(self, who: StaffPrincipal, ref: CaseRef, reason: str) -> CaseView | EditRefused:
        """A lead takes the case from its holder; another agent or reviewer can claim it."""
        wrong, event = _wrong_reasons(ReasonContext.TAKE_BACK, reason), ev.Reassigned(who.member.id, reason)
        return await self._edit(who, StaffAction.REASSIGN, ref, event, wrong)

    async def hold(self, who: StaffPrincipal, ref: CaseRef, reason: str) -> CaseView | EditRefused:
        """A lead stops the case until more is known."""
        wrong, event = _wrong_reasons(ReasonContext.HOLD, reason), ev.Held(who.member.id, reason)
        return await self._edit(who, StaffAction.HOLD, ref, event, wrong)

    async def end_hold(self, who: StaffPrincipal, ref: CaseRef, reason: str) -> CaseView | EditRefused:
        """A lead lets a held case wait in the queue again."""
        wrong, event = _wrong_reasons(ReasonContext.END_HOLD, reason), _hold_ended(self.context, who, reason)
        return await self._edit(who, StaffAction.END_HOLD, ref, event, wrong)

    async def give_new_tries(self, who: StaffPrincipal, ref: CaseRef, reason: str) -> CaseView | EditRefused:
        """A lead lets the citizen of an approved case try again to prove that they opened it."""
        wrong, event = (
            _wrong_reasons(ReasonContext.END_HOLD, reason),
            ev.HoldEnded(who.member.id, reason, approved=True),
        )
        return await self._edit(who, StaffAction.NEW_TRIES, ref, event, wrong)

    async def answer_complaint(self, who: StaffPrincipal, ref: CaseRef, answer: str) -> CaseView | EditRefused:
        """A lead answers the citizen's complaint. The citizen reads the answer on their page."""
        wrong = _wrong_note(answer) or (None if answer.strip() else ActionRefused.NOTHING)
        event = ev.ComplaintAnswered(who.member.id, answer.strip())
        return await self._edit(who, StaffAction.ANSWER_COMPLAINT, ref, event, wrong)

    async def decline_held(
        self, who: StaffPrincipal, ref: CaseRef, reasons: Sequence[str], note: str = ""
    ) -> CaseView | EditRefused:
        """A lead declines a held case."""
        wrong = _wrong_note(note) or _wrong_decision_reasons(Decision.DECLINE, reasons)
        event = ev.HoldDeclined(who.member.id, tuple(reasons), note.strip())
        return await self._edit(who, StaffAction.DECLINE_HELD, ref, event, wrong)

    # --- agents, reviewers and leads ---

    async def flag(self, who: StaffPrincipal, case_id: str, reason: str) -> CaseView | EditRefused:
        """Raises a silent flag."""
        wrong, event = _wrong_reasons(ReasonContext.FLAG, reason), ev.Flagged(who.member.id, reason)
        return await self._edit(who, StaffAction.FLAG, CaseRef(case_id), event, wrong)

    async def declare_interest(self, who: StaffPrincipal, case_id: str) -> CaseView | EditRefused:
        """Declares that the member of staff knows the citizen: the case is closed to them from then on."""
        return await self._edit(who, StaffAction.DECLARE_INTEREST, CaseRef(case_id), ev.InterestDeclared(who.member.id))

    async def ask_lead(self, who: StaffPrincipal, case_id: str, text: str) -> CaseView | EditRefused:
        """The holder asks the leads a question about the case."""
        wrong = _wrong_note(text) or (None if text.strip() else ActionRefused.NOTHING)
        event = ev.LeadAsked(who.member.id, text.strip())
        return await self._edit(who, StaffAction.ASK_LEAD, CaseRef(case_id), event, wrong)

    async def answer(self, who: StaffPrincipal, case_id: str, text: str) -> CaseView | EditRefused:
        """A lead answers the question that waits."""
        wrong = _wrong_note(text) or (None if text.strip() else ActionRefused.NOTHING)
        event = ev.LeadAnswered(who.member.id, text.strip())
        return await self._edit(who, StaffAction.ANSWER, CaseRef(case_id), event, wrong)

    async def note(self, who: StaffPrincipal, case_id: str, text: str) -> CaseView | EditRefused:
        """Adds a note for colleagues."""
        wrong = _wrong_note(text) or (None if text.strip() else ActionRefused.NOTHING)
        return await self._edit(who, StaffAction.NOTE, CaseRef(case_id), ev.Noted(who.member.id, text.strip()), wrong)

    async def _edit(
        self,
        who: StaffPrincipal,
        action: StaffAction,
        ref: CaseRef,
        event: ev.ByStaff,
        wrong: ActionRefused | None = None,
    ) -> CaseView | EditRefused:
        """`edit_case` with an event that does not depend on the case. `wrong` refuses the input."""
        return await edit_case(self.context, who, action, ref, always(event if wrong is None else wrong))


def _hold_ended(context: CaseContext, who: StaffPrincipal, reason: str) -> ev.HoldEnded:
    return ev.HoldEnded(who.member.id, reason, phrase(context.system.random_bytes))


def _known_kinds(profiles: Profiles, wanted: Sequence[str]) -> tuple[str, ...]:
    """The kinds of evidence that staff can record, without other words."""
    return tuple(one for one in wanted if one in profiles.kinds and profiles.kinds[one].by_staff)


def _wrong_note(note: str) -> ActionRefused | None:
    return ActionRefused.NOTE if len(note) > LONGEST_NOTE or lint_note(note) is not None else None


def _wrong_reasons(occasion: ReasonContext, *reasons: str) -> ActionRefused | None:
    return None if valid_for(occasion, *reasons) else ActionRefused.REASON


def _wrong_decision_reasons(decision: Decision, reasons: Sequence[str]) -> ActionRefused | None:
    occasion = DECISION_REASONS.get(decision)
    if occasion is None:
        return ActionRefused.REASON if reasons else None
    return _wrong_reasons(occasion, *reasons)
