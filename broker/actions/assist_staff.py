"""What staff do with cases. Every verb checks role, part, lease and edition here; pages only ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from broker.actions import assist_device
from broker.actions import assist_records as records
from broker.actions.assist_folder import folder, lapsed, part, refused_role
from broker.actions.assist_office import Office, change, current, settled
from broker.actions.staff_outcomes import (
    Answer,
    Deed,
    Faulty,
    Folder,
    Hindered,
    Part,
    Present,
    Refused,
    Stopped,
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
class Console:
    """Work on cases, for whoever is signed in."""

    office: Office

    # --- finding work ---

    async def held(self, who: Present) -> tuple[Folder, ...]:
        """The cases somebody holds."""
        held = await settled(self.office, await self.office.cases.held(who.member.id))
        return tuple(self._folder(case, who) for case in held if case.holder == who.member.id)

    async def workload(self) -> Workload:
        """How much waits."""
        queued = await self.office.cases.queue([State.QUEUED], LOOKED_AT)
        reviews = await self.office.cases.queue([State.REVIEW], LOOKED_AT)
        stopped = await self.office.cases.queue([State.HELD], LOOKED_AT)
        oldest = min((case.queued for case in queued if case.queued is not None), default=None)
        late = sum(case.late for case in reviews)
        return Workload(len(queued), len(reviews), late, len(stopped), oldest)

    async def next_case(self, who: Present) -> Folder | Refused:
        """The case somebody holds already, or the next one in turn, claimed. NOTHING if none waits for them."""
        mine = await self.held(who)
        if mine:
            return mine[0]
        waiting = await self.office.cases.queue([State.QUEUED, State.REVIEW], LOOKED_AT)
        for case in in_turn(await settled(self.office, waiting), who.member):
            claimed = await self.claim(who, case.id, case.edition)
            if isinstance(claimed, Folder):
                return claimed
        return Hindered.NOTHING

    async def claim(self, who: Present, id: str, edition: int) -> Folder | Refused:
        """Takes a case that waits for an agent or a reviewer."""
        case = await current(self.office, id)
        if case is None:
            return Hindered.UNKNOWN
        taken = ev.ReviewClaimed if case.state is State.REVIEW else ev.Claimed
        needed = StaffRole.REVIEWER if case.state is State.REVIEW else StaffRole.AGENT
        if not who.member.may(needed) or (case.state is State.REVIEW and who.member.in_training):
            return Hindered.NOT_ALLOWED
        return await self._done(who, id, edition, taken(who.member.id))

    async def open_by_reference(self, who: Present, reference: str, reason: str) -> Folder | Refused:
        """Looks a case up by its exact reference, with a reason of Occasion.OPEN; both are recorded, found or not."""
        if not who.member.may(*StaffRole) or (who.member.may(StaffRole.ADMIN) and len(who.member.roles) == 1):
            return Hindered.NOT_ALLOWED
        if not fits(Occasion.OPEN, reason):
            return Hindered.REASON
        found = await self.office.cases.by_reference(reference)
        opened = None if found is None else await change(self.office, found.id, ev.Opened(who.member.id, reason))
        if not isinstance(opened, Case):
            now, actor = self.office.ambient.now(), f"staff:{who.member.id}"
            await self.office.audit.write([AuditEvent("case_not_found", now, actor, details={"reason": reason})])
            return Hindered.UNKNOWN
        return self._seen(opened, who)

    async def look(self, who: Present, id: str) -> Folder | Refused:
        """A case somebody holds, or looked up by its reference a moment ago; else LAPSED or UNKNOWN."""
        case = await current(self.office, id)
        return Hindered.UNKNOWN if case is None else self._seen(case, who)

    async def stopped(self, who: Present) -> tuple[Stopped, ...] | Refused:
        """For a lead: cases that wait for one, and reviews that are late; the longest first."""
        if not who.member.may(StaffRole.LEAD):
            return Hindered.NOT_ALLOWED
        waiting = await self.office.cases.queue([State.HELD, State.REVIEW], LOOKED_AT)
        cases = await settled(self.office, waiting)
        told = [
            Stopped(c.reference, c.state, c.changed, _last_move(c), c.late)
            for c in cases
            if c.state is State.HELD or (c.state is State.REVIEW and c.late)
        ]
        return tuple(sorted(told, key=lambda one: one.since))

    # --- the session ---

    async def renew(self, who: Present, id: str) -> Folder | Refused:
        """Still at work: the lease begins anew."""
        return await self._done(who, id, None, ev.Renewed(who.member.id), Deed.RENEW)

    async def put_back(self, who: Present, id: str, edition: int, reason: str) -> Folder | Refused:
        """Gives the case back (Occasion.PUT_BACK)."""
        if not fits(Occasion.PUT_BACK, reason):
            return Hindered.REASON
        return await self._done(who, id, edition, ev.PutBack(who.member.id, reason), Deed.PUT_BACK)

    async def start_session(self, who: Present, id: str, edition: int, channel: Channel) -> Folder | Refused:
        """The agent and the citizen meet."""
        return await self._done(who, id, edition, ev.SessionStarted(who.member.id, channel), Deed.START_SESSION)

    async def exchange_words(self, who: Present, id: str, edition: int) -> Folder | Refused:
        """The citizen read out the first word, the agent the second, and both were right."""
        return await self._done(who, id, edition, ev.WordsExchanged(who.member.id), Deed.EXCHANGE_WORDS)

    async def record_evidence(
        self,
        who: Present,
        id: str,
        edition: int,
        kind: str,
        fields: Mapping[str, str],
        answers: Sequence[Answer],
        evidence: str | None = None,
    ) -> Folder | Refused | Faulty:
        """A piece of evidence with its checklist; `evidence` is the id of one to be replaced."""
        case, office = await current(self.office, id), self.office
        if case is None or case.holder != who.member.id:
            return _not_held(case, who, Barred.NOT_HOLDER)
        now = office.ambient.now()
        made = records.evidence(case, office.profiles, who.member, now, evidence, kind, fields, answers)
        if isinstance(made, Faulty):
            return made
        marks = records.marks(office.profiles.kinds[kind], made, office.blind)
        return await self._done(who, id, edition, ev.EvidenceRecorded(who.member.id, made, marks), Deed.RECORD)

    async def remove_evidence(self, who: Present, id: str, edition: int, evidence: str) -> Folder | Refused:
        """Takes a piece of evidence out. It is noted, and an approval then needs a second person."""
        return await self._done(who, id, edition, ev.EvidenceRemoved(who.member.id, evidence), Deed.RECORD)

    async def record_checks(
        self, who: Present, id: str, edition: int, answers: Sequence[Answer]
    ) -> Folder | Refused | Faulty:
        """Checks of the person (`profiles.person`)."""
        case = await current(self.office, id)
        if case is None or case.holder != who.member.id:
            return _not_held(case, who, Barred.NOT_HOLDER)
        now = self.office.ambient.now()
        made = records.person_checks(case, self.office.profiles, who.member, now, answers)
        if isinstance(made, Faulty):
            return made
        return await self._done(who, id, edition, ev.ChecksRecorded(who.member.id, made), Deed.RECORD)

    async def record_details(
        self, who: Present, id: str, edition: int, claims: Mapping[str, str]
    ) -> Folder | Refused | Faulty:
        """The person's details as the evidence shows them (`assist_records.DETAILS`)."""
        told = records.details(claims, self.office.ambient.now())
        if isinstance(told, Faulty):
            return told
        return await self._done(who, id, edition, ev.DetailsRecorded(who.member.id, told), Deed.RECORD)

    async def ask_citizen(self, who: Present, id: str, edition: int, message: str) -> Question | Refused:
        """See `assist_device`."""
        return await assist_device.ask_citizen(self.office, who, id, edition, message)

    async def asked(self, who: Present, id: str) -> tuple[Question, ...]:
        """See `assist_device`."""
        return await assist_device.asked_of(self.office, who, id)

    async def end_session(self, who: Present, id: str, edition: int) -> Folder | Refused:
        """The session is over; the citizen is not told what will be decided."""
        return await self._done(who, id, edition, ev.SessionEnded(who.member.id), Deed.END_SESSION)

    async def drop_session(self, who: Present, id: str, edition: int, reason: str) -> Folder | Refused:
        """The session broke off (Occasion.DROP); the citizen waits again."""
        if not fits(Occasion.DROP, reason):
            return Hindered.REASON
        return await self._done(who, id, edition, ev.SessionDropped(who.member.id, reason), Deed.DROP_SESSION)

    # --- deciding ---

    async def decide(
        self, who: Present, id: str, edition: int, decision: Decision, reasons: Sequence[str], note: str = ""
    ) -> Folder | Refused:
        """The agent's decision. The system computes the level; chance is drawn once the decision stands."""
        office, case = self.office, await current(self.office, id)
        if case is None:
            return Hindered.UNKNOWN
        hindered = self._hindered(who, Deed.DECIDE, note, fresh=True) or _misfit(decision, reasons)
        if hindered is not None:
            return hindered
        found, member = assess(case, office.profiles), who.member
        verdict = Verdict(
            by=member.id,
            at=office.ambient.now(),
            decision=decision,
            reasons=tuple(reasons),
            note=note.strip(),
            level=found.level,
            profile=found.profile,
            profiles=found.version,
            in_training=member.in_training,
        )
        marks = records.marks_ever(case, office.region, office.blind)
        alike = await office.cases.alike(marks, case.id) if marks else 0
        drawn = int.from_bytes(office.ambient.draw(8)) < office.terms.random_review * 2**64
        return await self._done(who, id, edition, ev.Decided(verdict, alike, drawn))

    async def review_own_view(
        self, who: Present, id: str, edition: int, decision: Decision, reasons: Sequence[str], note: str = ""
    ) -> Folder | Refused:
        """What the reviewer would decide, before they see what the agent decided."""
        hindered = self._hindered(who, Deed.OWN_VIEW, note, fresh=True) or _misfit(decision, reasons)
        if hindered is not None:
            return hindered
        view = OwnView(who.member.id, self.office.ambient.now(), decision, tuple(reasons), note.strip())
        return await self._done(who, id, edition, ev.ViewGiven(view))

    async def review_verdict(
        self, who: Present, id: str, edition: int, agrees: bool, reasons: Sequence[str], note: str = ""
    ) -> Folder | Refused:
        """The reviewer's word on the agent's verdict (Occasion.AGREE, which may be left out, or DISAGREE)."""
        hindered = self._hindered(who, Deed.REVIEW, note, fresh=True)
        if hindered is None and (reasons or not agrees):
            fit = fits(Occasion.AGREE if agrees else Occasion.DISAGREE, *reasons)
            hindered = None if fit else Hindered.REASON
        if hindered is not None:
            return hindered
        review = Review(who.member.id, self.office.ambient.now(), agrees, tuple(reasons), note.strip())
        return await self._done(who, id, edition, ev.Reviewed(review))

    # --- leads ---

    async def take_back(self, who: Present, id: str, edition: int, reason: str) -> Folder | Refused:
        """Takes the case from whoever holds it (Occasion.TAKE_BACK)."""
        if not fits(Occasion.TAKE_BACK, reason):
            return Hindered.REASON
        return await self._done(who, id, edition, ev.TakenBack(who.member.id, reason), Deed.TAKE_BACK)

    async def hold(self, who: Present, id: str, edition: int, reason: str) -> Folder | Refused:
        """Stops the case until a lead knows more (Occasion.HOLD)."""
        if not fits(Occasion.HOLD, reason):
            return Hindered.REASON
        return await self._done(who, id, edition, ev.Held(who.member.id, reason), Deed.HOLD)

    async def end_hold(self, who: Present, id: str, edition: int, reason: str) -> Folder | Refused:
        """Lets a stopped case wait in the queue again (Occasion.END_HOLD)."""
        if not fits(Occasion.END_HOLD, reason):
            return Hindered.REASON
        return await self._done(who, id, edition, ev.HoldEnded(who.member.id, reason), Deed.END_HOLD)

    async def decline_held(
        self, who: Present, id: str, edition: int, reasons: Sequence[str], note: str = ""
    ) -> Folder | Refused:
        """Declines a stopped case (Occasion.DECLINE)."""
        hindered = self._hindered(who, Deed.DECLINE_HELD, note, fresh=True) or _misfit(Decision.DECLINE, reasons)
        if hindered is not None:
            return hindered
        return await self._done(who, id, edition, ev.HoldDeclined(who.member.id, tuple(reasons), note.strip()))

    async def revoke(self, who: Present, id: str, edition: int, reason: str) -> Folder | Refused:
        """Takes a bound identity back (Occasion.REVOKE)."""
        hindered = self._hindered(who, Deed.REVOKE, "", fresh=True)
        if hindered is None and not fits(Occasion.REVOKE, reason):
            hindered = Hindered.REASON
        return hindered or await self._done(who, id, edition, ev.Revoked(who.member.id, reason))

    # --- everybody ---

    async def flag(self, who: Present, id: str, reason: str) -> Folder | Refused:
        """A silent alarm (Occasion.FLAG)."""
        if not fits(Occasion.FLAG, reason):
            return Hindered.REASON
        return await self._done(who, id, None, ev.Flagged(who.member.id, reason), Deed.FLAG)

    async def declare_interest(self, who: Present, id: str) -> Folder | Refused:
        """Knows the citizen, or is the citizen: out of this case for good."""
        return await self._done(who, id, None, ev.InterestDeclared(who.member.id), Deed.DECLARE_INTEREST)

    async def note(self, who: Present, id: str, text: str) -> Folder | Refused:
        """A remark of somebody who holds or oversees the case."""
        hindered = self._hindered(who, Deed.NOTE, text)
        if hindered is not None or not text.strip():
            return hindered or Hindered.NOTHING
        return await self._done(who, id, None, ev.Noted(who.member.id, text.strip()), Deed.NOTE)

    # --- what they share ---

    def _hindered(self, who: Present, deed: Deed, note: str, *, fresh: bool = False) -> Hindered | None:
        if refused_role(who.member, deed):
            return Hindered.NOT_ALLOWED
        if len(note) > LONGEST_NOTE or unfit(note) is not None:
            return Hindered.NOTE
        return Hindered.NOT_FRESH if fresh and self.office.ambient.now() >= who.fresh_until else None

    async def _done(
        self, who: Present, id: str, edition: int | None, event: ev.Event, deed: Deed | None = None
    ) -> Folder | Refused:
        """Does it if role, part and table allow it. Without a deed the role was checked before."""
        if deed is not None and refused_role(who.member, deed):
            return Hindered.NOT_ALLOWED
        case = await current(self.office, id)
        claiming = isinstance(event, ev.Claimed | ev.ReviewClaimed)
        if case is None or (not claiming and part(case, who.member, self.office.ambient.now()) is None):
            return _not_held(case, who)
        after = await change(self.office, id, event, edition=edition)
        return self._folder(after, who) if isinstance(after, Case) else after

    def _folder(self, case: Case, who: Present) -> Folder:
        """The case as somebody sees it right after they did something: a visitor's view if they have no part now."""
        seen = part(case, who.member, self.office.ambient.now()) or Part.VISITOR
        return folder(self.office, case, who.member, seen)

    def _seen(self, case: Case, who: Present) -> Folder | Refused:
        seen = part(case, who.member, self.office.ambient.now())
        return _not_held(case, who) if seen is None else folder(self.office, case, who.member, seen)


def _not_held(case: Case | None, who: Present, otherwise: Refused = Hindered.UNKNOWN) -> Refused:
    """Why a case is closed to somebody. Only who held it themselves learns that the lease ran out."""
    if case is None:
        return Hindered.UNKNOWN
    return Hindered.LAPSED if lapsed(case, who.member) else otherwise


def _last_move(case: Case) -> str:
    """The event that brought the case where it stands, with its reason."""
    moved = next((m for m in reversed(case.history) if m.source is not m.target), None)
    return "" if moved is None else f"{moved.event} {moved.reason}".strip()


def _misfit(decision: Decision, reasons: Sequence[str]) -> Hindered | None:
    occasion = OCCASIONS.get(decision)
    fit = fits(occasion, *reasons) if occasion is not None else not reasons
    return None if fit else Hindered.REASON
