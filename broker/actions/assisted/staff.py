"""What staff do with cases. Every verb checks role, part, lease and edition here; pages only ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from broker.actions.assisted import device_prompt
from broker.actions.assisted import evidence_input as records
from broker.actions.assisted.case_view import case_view, lacks_role, lapsed, role_in_case
from broker.actions.assisted.context import CaseContext, change, load_case, refresh_all
from broker.actions.assisted.staff_login import StaffPrincipal
from broker.actions.assisted.staff_results import (
    ActionRefused,
    Answer,
    CaseRole,
    CaseView,
    HeldCase,
    InvalidInput,
    RefusalReason,
    StaffAction,
    Workload,
)
from broker.assisted import events as ev
from broker.assisted.case import Case, Channel, Decision, OwnView, Review, State, Verdict
from broker.assisted.levels import assess
from broker.assisted.queue import in_turn
from broker.assisted.reasons import Occasion, fits
from broker.assisted.table import Barred
from broker.assisted.words import unfit
from broker.model.audit import AuditEvent
from broker.model.question import Question
from broker.model.staff import StaffRole

LOOKED_AT = 200
"""How many waiting cases are looked at to find somebody's next one."""

LONGEST_NOTE = 2000
"""Characters of a note at most."""

OCCASIONS = {
    Decision.MORE_EVIDENCE: Occasion.MORE_EVIDENCE,
    Decision.DECLINE: Occasion.DECLINE,
    Decision.REFER: Occasion.REFER,
}
"""Which reasons a decision needs. An approval needs none."""


@dataclass(frozen=True, slots=True)
class StaffCases:
    """Work on cases, for whoever is signed in."""

    context: CaseContext

    # --- finding work ---

    async def held(self, who: StaffPrincipal) -> tuple[CaseView, ...]:
        """The cases somebody holds."""
        held = await refresh_all(self.context, await self.context.cases.held(who.member.id))
        return tuple(self._view(case, who) for case in held if case.holder == who.member.id)

    async def workload(self) -> Workload:
        """How much waits."""
        queued = await self.context.cases.queue([State.QUEUED], LOOKED_AT)
        reviews = await self.context.cases.queue([State.REVIEW], LOOKED_AT)
        stopped = await self.context.cases.queue([State.HELD], LOOKED_AT)
        oldest = min((case.queued for case in queued if case.queued is not None), default=None)
        late = sum(case.late for case in reviews)
        return Workload(len(queued), len(reviews), late, len(stopped), oldest)

    async def next_case(self, who: StaffPrincipal) -> CaseView | RefusalReason:
        """The case somebody holds already, or the next one in turn, claimed. NOTHING if none waits for them."""
        mine = await self.held(who)
        if mine:
            return mine[0]
        waiting = await self.context.cases.queue([State.QUEUED, State.REVIEW], LOOKED_AT)
        for case in in_turn(await refresh_all(self.context, waiting), who.member):
            claimed = await self.claim(who, case.id, case.edition)
            if isinstance(claimed, CaseView):
                return claimed
        return ActionRefused.NOTHING

    async def claim(self, who: StaffPrincipal, id: str, edition: int) -> CaseView | RefusalReason:
        """Takes a case that waits for an agent or a reviewer."""
        case = await load_case(self.context, id)
        if case is None:
            return ActionRefused.UNKNOWN
        taken = ev.ReviewClaimed if case.state is State.REVIEW else ev.Claimed
        needed = StaffRole.REVIEWER if case.state is State.REVIEW else StaffRole.AGENT
        if not who.member.may(needed) or (case.state is State.REVIEW and who.member.in_training):
            return ActionRefused.NOT_ALLOWED
        return await self._done(who, id, edition, taken(who.member.id))

    async def open_by_reference(self, who: StaffPrincipal, reference: str, reason: str) -> CaseView | RefusalReason:
        """Looks a case up by its exact reference, with a reason of Occasion.OPEN; both are recorded, found or not."""
        if not who.member.may(*StaffRole) or (who.member.may(StaffRole.ADMIN) and len(who.member.roles) == 1):
            return ActionRefused.NOT_ALLOWED
        if not fits(Occasion.OPEN, reason):
            return ActionRefused.REASON
        found = await self.context.cases.by_reference(reference)
        opened = None if found is None else await change(self.context, found.id, ev.Opened(who.member.id, reason))
        if not isinstance(opened, Case):
            now, actor = self.context.ambient.now(), f"staff:{who.member.id}"
            await self.context.audit.write([AuditEvent("case_not_found", now, actor, details={"reason": reason})])
            return ActionRefused.UNKNOWN
        return self._seen(opened, who)

    async def look(self, who: StaffPrincipal, id: str) -> CaseView | RefusalReason:
        """A case somebody holds, or looked up by its reference a moment ago; else LAPSED or UNKNOWN."""
        case = await load_case(self.context, id)
        return ActionRefused.UNKNOWN if case is None else self._seen(case, who)

    async def stopped(self, who: StaffPrincipal) -> tuple[HeldCase, ...] | RefusalReason:
        """For a lead: cases that wait for one, and reviews that are late; the longest first."""
        if not who.member.may(StaffRole.LEAD):
            return ActionRefused.NOT_ALLOWED
        waiting = await self.context.cases.queue([State.HELD, State.REVIEW], LOOKED_AT)
        cases = await refresh_all(self.context, waiting)
        told = [
            HeldCase(c.reference, c.state, c.changed, _last_move(c), c.late)
            for c in cases
            if c.state is State.HELD or (c.state is State.REVIEW and c.late)
        ]
        return tuple(sorted(told, key=lambda one: one.since))

    # --- the session ---

    async def renew(self, who: StaffPrincipal, id: str) -> CaseView | RefusalReason:
        """Still at work: the lease begins anew."""
        return await self._done(who, id, None, ev.Renewed(who.member.id), StaffAction.RENEW)

    async def return_to_queue(
        self, who: StaffPrincipal, id: str, edition: int, reason: str
    ) -> CaseView | RefusalReason:
        """Gives the case back (Occasion.PUT_BACK)."""
        if not fits(Occasion.PUT_BACK, reason):
            return ActionRefused.REASON
        return await self._done(who, id, edition, ev.PutBack(who.member.id, reason), StaffAction.RETURN_TO_QUEUE)

    async def start_session(
        self, who: StaffPrincipal, id: str, edition: int, channel: Channel
    ) -> CaseView | RefusalReason:
        """The agent and the citizen meet."""
        return await self._done(who, id, edition, ev.SessionStarted(who.member.id, channel), StaffAction.START_SESSION)

    async def verify_phrase(self, who: StaffPrincipal, id: str, edition: int) -> CaseView | RefusalReason:
        """The citizen read out the first word, the agent the second, and both were right."""
        return await self._done(who, id, edition, ev.WordsExchanged(who.member.id), StaffAction.VERIFY_PHRASE)

    async def record_evidence(
        self,
        who: StaffPrincipal,
        id: str,
        edition: int,
        kind: str,
        fields: Mapping[str, str],
        answers: Sequence[Answer],
        evidence: str | None = None,
    ) -> CaseView | RefusalReason | InvalidInput:
        """A piece of evidence with its checklist; `evidence` is the id of one to be replaced."""
        case, context = await load_case(self.context, id), self.context
        if case is None or case.holder != who.member.id:
            return _not_held(case, who, Barred.NOT_HOLDER)
        now = context.ambient.now()
        made = records.evidence(case, context.profiles, who.member, now, evidence, kind, fields, answers)
        if isinstance(made, InvalidInput):
            return made
        marks = records.marks(context.profiles.kinds[kind], made, context.fingerprint)
        return await self._done(who, id, edition, ev.EvidenceRecorded(who.member.id, made, marks), StaffAction.RECORD)

    async def remove_evidence(
        self, who: StaffPrincipal, id: str, edition: int, evidence: str
    ) -> CaseView | RefusalReason:
        """Takes a piece of evidence out. It is noted, and an approval then needs a second person."""
        return await self._done(who, id, edition, ev.EvidenceRemoved(who.member.id, evidence), StaffAction.RECORD)

    async def record_checks(
        self, who: StaffPrincipal, id: str, edition: int, answers: Sequence[Answer]
    ) -> CaseView | RefusalReason | InvalidInput:
        """Checks of the person (`profiles.person`)."""
        case = await load_case(self.context, id)
        if case is None or case.holder != who.member.id:
            return _not_held(case, who, Barred.NOT_HOLDER)
        now = self.context.ambient.now()
        made = records.person_checks(case, self.context.profiles, who.member, now, answers)
        if isinstance(made, InvalidInput):
            return made
        return await self._done(who, id, edition, ev.ChecksRecorded(who.member.id, made), StaffAction.RECORD)

    async def record_details(
        self, who: StaffPrincipal, id: str, edition: int, claims: Mapping[str, str]
    ) -> CaseView | RefusalReason | InvalidInput:
        """The person's details as the evidence shows them (`evidence_input.DETAILS`)."""
        told = records.details(claims, self.context.ambient.now())
        if isinstance(told, InvalidInput):
            return told
        return await self._done(who, id, edition, ev.DetailsRecorded(who.member.id, told), StaffAction.RECORD)

    async def ask_citizen(self, who: StaffPrincipal, id: str, edition: int, message: str) -> Question | RefusalReason:
        """See `device_prompt`."""
        return await device_prompt.ask_citizen(self.context, who, id, edition, message)

    async def asked(self, who: StaffPrincipal, id: str) -> tuple[Question, ...]:
        """See `device_prompt`."""
        return await device_prompt.asked_of(self.context, who, id)

    async def end_session(self, who: StaffPrincipal, id: str, edition: int) -> CaseView | RefusalReason:
        """The session is over; the citizen is not told what will be decided."""
        return await self._done(who, id, edition, ev.SessionEnded(who.member.id), StaffAction.END_SESSION)

    async def drop_session(self, who: StaffPrincipal, id: str, edition: int, reason: str) -> CaseView | RefusalReason:
        """The session broke off (Occasion.DROP); the citizen waits again."""
        if not fits(Occasion.DROP, reason):
            return ActionRefused.REASON
        return await self._done(who, id, edition, ev.SessionDropped(who.member.id, reason), StaffAction.DROP_SESSION)

    # --- deciding ---

    async def decide(
        self, who: StaffPrincipal, id: str, edition: int, decision: Decision, reasons: Sequence[str], note: str = ""
    ) -> CaseView | RefusalReason:
        """The agent's decision. The system computes the level; chance is drawn once the decision stands."""
        context, case = self.context, await load_case(self.context, id)
        if case is None:
            return ActionRefused.UNKNOWN
        hindered = self._hindered(who, StaffAction.DECIDE, note, fresh=True) or _misfit(decision, reasons)
        if hindered is not None:
            return hindered
        found, member = assess(case, context.profiles), who.member
        verdict = Verdict(
            by=member.id,
            at=context.ambient.now(),
            decision=decision,
            reasons=tuple(reasons),
            note=note.strip(),
            level=found.level,
            profile=found.profile,
            profiles=found.version,
            in_training=member.in_training,
        )
        marks = records.all_fingerprints(case, context.region, context.fingerprint)
        alike = await context.cases.alike(marks, case.id) if marks else 0
        drawn = int.from_bytes(context.ambient.draw(8)) < context.terms.random_review * 2**64
        return await self._done(who, id, edition, ev.Decided(verdict, alike, drawn))

    async def record_independent_review(
        self, who: StaffPrincipal, id: str, edition: int, decision: Decision, reasons: Sequence[str], note: str = ""
    ) -> CaseView | RefusalReason:
        """What the reviewer would decide, before they see what the agent decided."""
        hindered = self._hindered(who, StaffAction.INDEPENDENT_REVIEW, note, fresh=True) or _misfit(decision, reasons)
        if hindered is not None:
            return hindered
        view = OwnView(who.member.id, self.context.ambient.now(), decision, tuple(reasons), note.strip())
        return await self._done(who, id, edition, ev.ViewGiven(view))

    async def review_verdict(
        self, who: StaffPrincipal, id: str, edition: int, agrees: bool, reasons: Sequence[str], note: str = ""
    ) -> CaseView | RefusalReason:
        """The reviewer's word on the agent's verdict (Occasion.AGREE, which may be left out, or DISAGREE)."""
        hindered = self._hindered(who, StaffAction.REVIEW, note, fresh=True)
        if hindered is None and (reasons or not agrees):
            fit = fits(Occasion.AGREE if agrees else Occasion.DISAGREE, *reasons)
            hindered = None if fit else ActionRefused.REASON
        if hindered is not None:
            return hindered
        review = Review(who.member.id, self.context.ambient.now(), agrees, tuple(reasons), note.strip())
        return await self._done(who, id, edition, ev.Reviewed(review))

    # --- leads ---

    async def reassign(self, who: StaffPrincipal, id: str, edition: int, reason: str) -> CaseView | RefusalReason:
        """Takes the case from whoever holds it (Occasion.TAKE_BACK)."""
        if not fits(Occasion.TAKE_BACK, reason):
            return ActionRefused.REASON
        return await self._done(who, id, edition, ev.TakenBack(who.member.id, reason), StaffAction.REASSIGN)

    async def hold(self, who: StaffPrincipal, id: str, edition: int, reason: str) -> CaseView | RefusalReason:
        """Stops the case until a lead knows more (Occasion.HOLD)."""
        if not fits(Occasion.HOLD, reason):
            return ActionRefused.REASON
        return await self._done(who, id, edition, ev.Held(who.member.id, reason), StaffAction.HOLD)

    async def end_hold(self, who: StaffPrincipal, id: str, edition: int, reason: str) -> CaseView | RefusalReason:
        """Lets a stopped case wait in the queue again (Occasion.END_HOLD)."""
        if not fits(Occasion.END_HOLD, reason):
            return ActionRefused.REASON
        return await self._done(who, id, edition, ev.HoldEnded(who.member.id, reason), StaffAction.END_HOLD)

    async def decline_held(
        self, who: StaffPrincipal, id: str, edition: int, reasons: Sequence[str], note: str = ""
    ) -> CaseView | RefusalReason:
        """Declines a stopped case (Occasion.DECLINE)."""
        hindered = self._hindered(who, StaffAction.DECLINE_HELD, note, fresh=True) or _misfit(Decision.DECLINE, reasons)
        if hindered is not None:
            return hindered
        return await self._done(who, id, edition, ev.HoldDeclined(who.member.id, tuple(reasons), note.strip()))

    async def revoke(self, who: StaffPrincipal, id: str, edition: int, reason: str) -> CaseView | RefusalReason:
        """Takes a bound identity back (Occasion.REVOKE)."""
        hindered = self._hindered(who, StaffAction.REVOKE, "", fresh=True)
        if hindered is None and not fits(Occasion.REVOKE, reason):
            hindered = ActionRefused.REASON
        return hindered or await self._done(who, id, edition, ev.Revoked(who.member.id, reason))

    # --- everybody ---

    async def flag(self, who: StaffPrincipal, id: str, reason: str) -> CaseView | RefusalReason:
        """A silent alarm (Occasion.FLAG)."""
        if not fits(Occasion.FLAG, reason):
            return ActionRefused.REASON
        return await self._done(who, id, None, ev.Flagged(who.member.id, reason), StaffAction.FLAG)

    async def declare_interest(self, who: StaffPrincipal, id: str) -> CaseView | RefusalReason:
        """Knows the citizen, or is the citizen: out of this case for good."""
        return await self._done(who, id, None, ev.InterestDeclared(who.member.id), StaffAction.DECLARE_INTEREST)

    async def note(self, who: StaffPrincipal, id: str, text: str) -> CaseView | RefusalReason:
        """A remark of somebody who holds or oversees the case."""
        hindered = self._hindered(who, StaffAction.NOTE, text)
        if hindered is not None or not text.strip():
            return hindered or ActionRefused.NOTHING
        return await self._done(who, id, None, ev.Noted(who.member.id, text.strip()), StaffAction.NOTE)

    # --- what they share ---

    def _hindered(
        self, who: StaffPrincipal, deed: StaffAction, note: str, *, fresh: bool = False
    ) -> ActionRefused | None:
        if lacks_role(who.member, deed):
            return ActionRefused.NOT_ALLOWED
        if len(note) > LONGEST_NOTE or unfit(note) is not None:
            return ActionRefused.NOTE
        return ActionRefused.NOT_FRESH if fresh and self.context.ambient.now() >= who.fresh_until else None

    async def _done(
        self, who: StaffPrincipal, id: str, edition: int | None, event: ev.Event, deed: StaffAction | None = None
    ) -> CaseView | RefusalReason:
        """Does it if role, part and table allow it. Without a deed the role was checked before."""
        if deed is not None and lacks_role(who.member, deed):
            return ActionRefused.NOT_ALLOWED
        case = await load_case(self.context, id)
        claiming = isinstance(event, ev.Claimed | ev.ReviewClaimed)
        if case is None or (not claiming and role_in_case(case, who.member, self.context.ambient.now()) is None):
            return _not_held(case, who)
        after = await change(self.context, id, event, edition=edition)
        return self._view(after, who) if isinstance(after, Case) else after

    def _view(self, case: Case, who: StaffPrincipal) -> CaseView:
        """The case as somebody sees it right after they did something: a visitor's view if they have no part now."""
        seen = role_in_case(case, who.member, self.context.ambient.now()) or CaseRole.VISITOR
        return case_view(self.context, case, who.member, seen)

    def _seen(self, case: Case, who: StaffPrincipal) -> CaseView | RefusalReason:
        seen = role_in_case(case, who.member, self.context.ambient.now())
        return _not_held(case, who) if seen is None else case_view(self.context, case, who.member, seen)


def _not_held(
    case: Case | None, who: StaffPrincipal, otherwise: RefusalReason = ActionRefused.UNKNOWN
) -> RefusalReason:
    """Why a case is closed to somebody. Only who held it themselves learns that the lease ran out."""
    if case is None:
        return ActionRefused.UNKNOWN
    return ActionRefused.LAPSED if lapsed(case, who.member) else otherwise


def _last_move(case: Case) -> str:
    """The event that brought the case where it stands, with its reason."""
    moved = next((m for m in reversed(case.history) if m.source is not m.target), None)
    return "" if moved is None else f"{moved.event} {moved.reason}".strip()


def _misfit(decision: Decision, reasons: Sequence[str]) -> ActionRefused | None:
    occasion = OCCASIONS.get(decision)
    fit = fits(occasion, *reasons) if occasion is not None else not reasons
    return None if fit else ActionRefused.REASON
