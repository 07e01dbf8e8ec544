"""Record of a verification case: a citizen's request for help by a person, from the request to the bound identity.

All times are seconds since 1970 UTC. Personal data is in `contact`, `details`, `evidence`, `phrase` and the notes; a
store encrypts the whole record and keeps only the search keys in the clear. The record contains digests of codes, never
codes.
"""

from dataclasses import dataclass, field

from broker.assisted.case_records import (
    Appointment,
    CallBack,
    CasePasskey,
    Channel,
    CheckRecord,
    Complaint,
    Confirmation,
    Contact,
    DeskVisit,
    Details,
    EvidenceRecord,
    Flag,
    HistoryEntry,
    Hold,
    IdentityBinding,
    IndependentReview,
    Note,
    Phrase,
    Promise,
    Review,
    Safety,
    Thread,
    Unsettled,
    Verdict,
)
from broker.assisted.case_states import ATTEMPTS_EXHAUSTED, OPEN, WITH_AGENT, CaseState
from broker.assisted.contact_log import ContactAttempt
from broker.assisted.former import CasePurpose, FormerIdentity
from broker.assisted.intake import Intake
from broker.model.assurance import Level


@dataclass(frozen=True, slots=True)
class Case:
    """Verification case.

    `version` grows by one with every change, and a store accepts a write only on top of the version that was read.
    `edit_version` grows only with changes that staff must see before they continue; a staff page carries the value
    it was made from. `transaction` is the public id of the transaction that waits for the case, the only one that
    may collect the identity; `browser` is the digest of the secret of the browser that may see the case now, and
    `moved` says that this is not the browser of `asker`. `asker` is the digest of the mark of the asking browser,
    whose words staff and citizen exchange: the one that asked for help, or the one in which the citizen asked for
    another meeting. `level`, `claims`, `language` and `resume_value` come from the service's request. `requester`
    is "citizen", the member of staff who opened the case for a citizen who is present, or the agent of a partner desk
    (`desk`, the citizen's last visit to one). `continuation` is the digest of the continuation code.

    `changed` is when `state` last changed; `deadline` when the state expires (None: no deadline of its own; while an
    agent holds the case, the deadline of the queue is kept); `expires` when the whole case does; `lease` until when its
    holder may write. `queued` is when the citizen first entered the queue. `queue_round` counts entries into the queue
    from the citizen or from a hold.

    `conflicts_of_interest` are members of staff who declared that they know the citizen. `phrase_verified` says
    that both words of the mutual phrase were exchanged, or that the prompts of a video that was sent were followed.
    `fingerprints` are keyed digests of document and telephone numbers, which stay after erasure. `intake` is what
    the citizen said when they asked, `second_contact` a further address of theirs. `appointment` is the one that
    they have, or had until the case went on; `missed` counts how often in a row staff and citizen missed each
    other, at an appointment or in an attempt to reach them (`contacts`); after too many the request closes at
    `closing` unless the citizen acts, `room` leads to the video room. `wanted` are kinds of evidence that staff
    asked for by name. `promise` is by when staff talk to a citizen who waits, if they promise it. `meetings` counts
    the meetings that the citizen asked for after approval, `calls` the calls that they asked for since they have
    the present tries; `call` is the one that is wanted or made now. `bind_round` counts how often a lead gave new
    tries. `unsettled` is a decision that its agent may still correct. `redress_until` is by when staff take a new
    look at a declined case, for which the citizen may ask once. `hold` is why the case is held, or was held last.
    `late` says that the deadline of the review or of the hold has passed. `passkey` is the one with which the
    citizen can take up the identity on any device, once an agent confirmed it. `purpose` is why the case was opened,
    `former` the kept identity that it renews or binds again. `frozen` is when a person stopped the identity, which a
    lead may release. `erased` says that the personal data was deleted.
    """

    id: str
    version: int
    state: CaseState
    transaction: str
    browser: str
    client_id: str
    level: Level
    claims: tuple[str, ...]
    language: str
    reference: str
    phrase: Phrase
    created: float
    changed: float
    expires: float
    edit_version: int = 1
    deadline: float | None = None
    queued: float | None = None
    lease: float | None = None
    requester: str = "citizen"
    continuation: str | None = None
    moved: bool = False
    asker: str = ""
    confirmation: Confirmation | None = None
    codes_sent: int = 0
    contact: Contact | None = None
    second_contact: Contact | None = None
    intake: Intake = field(default_factory=Intake)
    appointment: Appointment | None = None
    missed: int = 0
    closing: float | None = None
    contacts: tuple[ContactAttempt, ...] = ()
    room: str | None = None
    wanted: tuple[str, ...] = ()
    promise: Promise | None = None
    safety: Safety = field(default_factory=Safety)
    channel: Channel | None = None
    details: Details = field(default_factory=Details)
    evidence: tuple[EvidenceRecord, ...] = ()
    checks: tuple[CheckRecord, ...] = ()
    phrase_verified: bool = False
    agent: str | None = None
    verdict: Verdict | None = None
    second_review_reasons: tuple[str, ...] = ()
    reviewer: str | None = None
    independent_review: IndependentReview | None = None
    review: Review | None = None
    late: bool = False
    flags: tuple[Flag, ...] = ()
    notes: tuple[Note, ...] = ()
    threads: tuple[Thread, ...] = ()
    conflicts_of_interest: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    queue_round: int = 0
    more_asked: int = 0
    meetings: int = 0
    bind_round: int = 0
    hold: Hold | None = None
    call: CallBack | None = None
    calls: int = 0
    unsettled: Unsettled | None = None
    redress_until: float | None = None
    complaint: Complaint | None = None
    resume_value: str | None = None
    passkey: CasePasskey | None = None
    desk: DeskVisit | None = None
    purpose: CasePurpose = CasePurpose.NEW
    former: FormerIdentity | None = None
    binding: IdentityBinding | None = None
    frozen: float | None = None
    erased: bool = False
    history: tuple[HistoryEntry, ...] = ()

    @property
    def open(self) -> bool:
        """Whether the case still needs an action of citizen or staff."""
        return self.state in OPEN

    @property
    def approved_before(self) -> bool:
        """Whether the case was approved since it last entered the queue. From then on the mutual phrase is a proof."""
        for move in reversed(self.history):
            if move.source is not move.target and move.target in (CaseState.APPROVED, CaseState.QUEUED):
                return move.target is CaseState.APPROVED
        return False

    @property
    def attempts_exhausted(self) -> bool:
        """Whether the case is held since the citizen's attempts with code and phrase were used up."""
        moved = next((move for move in reversed(self.history) if move.source is not move.target), None)
        return self.state is CaseState.HELD and moved is not None and moved.event == ATTEMPTS_EXHAUSTED

    @property
    def at_desk(self) -> bool:
        """Whether a partner desk is at work with the citizen. A desk is never the agent of a case."""
        return self.state is CaseState.IN_SESSION and self.agent is None and self.desk is not None

    @property
    def holder(self) -> str | None:
        """Holder of the lease, expired or not, or the agent who may still correct a decision; None if there is none."""
        if self.unsettled is not None:
            return self.agent
        if self.lease is None:
            return None
        if self.desk is not None and self.at_desk:
            return self.desk.by
        return self.reviewer if self.state is CaseState.REVIEW else self.agent

    @property
    def due(self) -> float | None:
        """Earliest time at which a deadline of the case passes; None if none is set."""
        missed = self.late and self.state in (CaseState.REVIEW, CaseState.HELD)
        clocks = [
            self.lease,
            self.deadline if self.state not in WITH_AGENT and not missed else None,
            self.expires if self.open else None,
            self.call.expires if self.call else None,
            self.promise.until if self.promise and not self.promise.missed else None,
            self.unsettled.until if self.unsettled else None,
            next(iter(self.appointment.reminders), None)
            if self.appointment is not None and self.state is CaseState.SCHEDULED
            else None,
        ]
        return min((moment for moment in clocks if moment is not None), default=None)
