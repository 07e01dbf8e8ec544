"""The deadlines of a case: how long each state may last, what may happen how often, and which deadline is due.

`CasePolicy` is also the table `[assisted]` of broker.toml: the text under each field is its documentation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from broker.assisted.case import Case
from broker.assisted.case_records import Channel, ContactMethod, Promise
from broker.assisted.case_states import WITH_AGENT, CaseState
from broker.assisted.events import (
    ByClock,
    CallBackLapsed,
    DeadlinePassed,
    HoldLate,
    LeaseLapsed,
    PromiseMissed,
    RedressEnded,
    ReminderDue,
    ReviewLate,
    Settled,
    SlotReached,
)
from broker.assisted.former import CasePurpose
from broker.assisted.look_ups import ConnectorSettings
from broker.assisted.opening import DAY, BusinessHours, ChannelSettings, Office, VideoRoomSettings
from broker.model.evidence_file import FileSettings
from broker.platform.toml_loader import Range, Seconds

HOUR = 3600
_WAITING = (CaseState.QUEUED, CaseState.CLAIMED)


@dataclass(frozen=True, slots=True)
class CasePolicy:
    """Assisted verification: a staff member verifies the identity of a citizen for whom no provider works. The
    durations are the deadlines of a verification case."""

    enabled: bool = True
    """Whether assisted verification is offered."""
    profiles: Path | None = None
    """A file with your own kinds of evidence, checks, profiles of scores and levels, in place of the packaged one
    (`broker/assisted/profiles.toml`, which shows the form). It is read at the start."""
    made_up_cases: Path | None = None
    """A file with your own made-up cases for calibration, in place of the packaged ones
    (`broker/assisted/calibration.toml`, which shows the form). It is read at the start."""
    draft: Annotated[Seconds, Range(600, 7 * DAY)] = 24 * HOUR
    """Lifetime of a request that was started and not sent."""
    requested: Annotated[Seconds, Range(HOUR, 90 * DAY)] = 14 * DAY
    """Deadline for the first action of staff, counted from the request."""
    lease: Annotated[Seconds, Range(60, 8 * HOUR)] = 30 * 60
    """Lease: how long an agent may leave a claimed case untouched before it returns to the queue."""
    review: Annotated[Seconds, Range(600, 30 * DAY)] = 4 * HOUR
    """Deadline for the second person's review, in working hours."""
    bind: Annotated[Seconds, Range(HOUR, 30 * DAY)] = 48 * HOUR
    """Deadline for the citizen to return, counted from the approval."""
    bind_by_post: Annotated[Seconds, Range(DAY, 60 * DAY)] = 7 * DAY
    """The same deadline if the confirmation code is sent by post."""
    max_duration: Annotated[Seconds, Range(DAY, 120 * DAY)] = 16 * DAY
    """Maximum duration of a case."""
    collect: Annotated[Seconds, Range(HOUR, 30 * DAY)] = DAY
    """How long a bound identity waits for the service that asked for it."""
    redress: Annotated[Seconds, Range(DAY, 366 * DAY)] = 30 * DAY
    """How long the citizen can complain about a declined case."""
    code_by_phone: Annotated[Seconds, Range(60, HOUR)] = 10 * 60
    """Lifetime of a confirmation code sent to a telephone."""
    code_by_email: Annotated[Seconds, Range(60, 7 * DAY)] = 24 * HOUR
    """Lifetime of a confirmation code sent by email."""
    code_by_post: Annotated[Seconds, Range(DAY, 60 * DAY)] = 7 * DAY
    """Lifetime of a confirmation code sent by post."""
    max_code_attempts: Annotated[int, Range(1, 10)] = 5
    """Maximum number of wrong confirmation codes."""
    max_codes: Annotated[int, Range(1, 20)] = 5
    """Maximum number of confirmation codes sent in one case."""
    max_evidence_requests: Annotated[int, Range(0, 10)] = 2
    """Maximum number of times an agent may ask for more evidence."""
    max_meetings: Annotated[int, Range(0, 10)] = 2
    """Maximum number of further meetings that a citizen may ask for after approval, to prove that they opened the
    case."""
    missed_contacts: Annotated[int, Range(1, 20)] = 3
    """How often in a row staff may miss the citizen, at an appointment or in an attempt to reach them. Then the request
    closes unless the citizen acts."""
    closing: Annotated[Seconds, Range(HOUR, 30 * DAY)] = 7 * DAY
    """How long such a citizen has to keep the request open, by one press on its page."""
    max_calls: Annotated[int, Range(0, 10)] = 3
    """Maximum number of calls that a citizen may ask for after approval, to prove that they opened the case. A lead who
    gives new tries also gives new calls."""
    rebind_wait: Annotated[Seconds, Range(0, 30 * DAY)] = DAY
    """How long the approval of a new passkey for a kept identity waits before it takes effect. Every known address gets
    a notice at the approval, whose link stops it."""
    call_within: Annotated[Seconds, Range(600, 30 * DAY)] = 4 * HOUR
    """Within which working time staff make a call that a citizen asked for."""
    call_code: Annotated[Seconds, Range(60, HOUR)] = 15 * 60
    """Lifetime of the code that an agent reads out in a call, counted from when they take the call."""
    correction: Annotated[Seconds, Range(0, HOUR)] = 5 * 60
    """For how long an agent may correct a decision. Nothing follows from it, and the citizen is not told, before that
    time is over; 0: every decision takes effect at once."""
    redress_within: Annotated[Seconds, Range(HOUR, 90 * DAY)] = 10 * DAY
    """Within which time other people take a new look at a declined case, if the citizen asks for it."""
    hold: Annotated[Seconds, Range(600, 30 * DAY)] = 8 * HOUR
    """Within which working time a lead looks at a case that is on hold."""
    random_review: Annotated[float, Range(0, 1)] = 0.05
    """Share of approvals that a second person reviews at random. Drawn after the decision."""
    random_review_declines: Annotated[float, Range(0, 1)] = 0.05
    """Share of declined cases that a second person reviews at random, before the citizen learns the result."""
    quality_sample: Annotated[float, Range(0, 1)] = 0.02
    """Share of approved and declined cases that are drawn for the quality sample: a second person without any part in
    the case fills a score sheet."""
    quality_within: Annotated[Seconds, Range(3600, 30 * DAY)] = 7 * DAY
    """Within which time the score sheet of a drawn case can be filled. What the decision rests on is kept, encrypted,
    until then, even if the case has lost its personal data."""
    repeated_use: Annotated[int, Range(2, 100)] = 3
    """From this number of cases for one document or telephone number, a second person must review."""
    open_data: bool = True
    """Whether the page `/open-data` publishes waits, times and outcomes: whole months, without counts below ten."""
    book_from: Annotated[Seconds, Range(0, 30 * DAY)] = 2 * HOUR
    """How long before an appointment it can be taken at the latest."""
    book_ahead: Annotated[Seconds, Range(DAY, 90 * DAY)] = 14 * DAY
    """How long ahead appointments can be taken; a case that ends before takes none after its end."""
    hours: BusinessHours = field(default_factory=BusinessHours)
    connectors: Mapping[str, ConnectorSettings] = field(default_factory=dict)
    """Sources that a program asks when staff press for it, by id."""
    video_rooms: VideoRoomSettings | None = None
    files: FileSettings = field(default_factory=FileSettings)
    channels: Mapping[Channel, ChannelSettings] = field(default_factory=dict)
    """Channels with hours or appointments of their own, and those that are closed: phone, phone_and_post, video,
    in_person."""
    offices: tuple[Office, ...] = ()
    """Places to which citizens come for the channel `in_person`."""

    def promise(self, channel: Channel) -> int | None:
        """Within how many seconds of opening hours staff talk to a citizen who waits, or look at what was sent."""
        if channel is Channel.SENT:
            return self.files.promise if self.files.enabled else None
        return self.channels.get(channel, ChannelSettings()).promise

    def code(self, way: ContactMethod) -> int:
        """How long (seconds) a confirmation code is valid that was sent this way."""
        return {
            ContactMethod.PHONE: self.code_by_phone,
            ContactMethod.EMAIL: self.code_by_email,
            ContactMethod.POST: self.code_by_post,
        }[way]


def deadline(case: Case, state: CaseState, now: float, policy: CasePolicy) -> float | None:
    """The deadline of `state`, entered `now`; None if only the deadline of the whole case applies.

    In the queue the deadline of the citizen's request stays, so that a case that returns to the queue gains no time.
    """
    match state:
        case CaseState.DRAFT:
            return now + policy.draft
        case CaseState.REQUESTED:
            return now + policy.requested if case.closing is None else case.closing
        case CaseState.SCHEDULED:
            return None if case.appointment is None else case.appointment.begins
        case CaseState.QUEUED:
            if case.state is CaseState.DECLINED:
                return now + policy.redress_within
            decided = case.state in (CaseState.HELD, CaseState.APPROVED, CaseState.SCHEDULED)
            return case.expires if decided else requested(case) + policy.requested
        case CaseState.CLAIMED | CaseState.IN_SESSION | CaseState.DECISION:
            return case.deadline
        case CaseState.REVIEW:
            return policy.hours.after(now, policy.review)
        case CaseState.HELD:
            return policy.hours.after(now, policy.hold)
        case CaseState.APPROVED:
            waits = policy.rebind_wait if case.purpose is CasePurpose.REBIND else 0
            return now + waits + (policy.bind_by_post if case.channel is Channel.PHONE_AND_POST else policy.bind)
        case CaseState.BOUND:
            return now + policy.collect
        case CaseState.DECLINED:
            return now + policy.redress
        case CaseState.RELEASED | CaseState.WITHDRAWN | CaseState.EXPIRED | CaseState.REVOKED:
            return None


def promised(before: Case, after: Case, now: float, policy: CasePolicy) -> Promise | None:
    """By when staff promise to talk to the citizen of a case that was changed `now`: from when it enters the line, or
    changes its channel there, until they talk. None if nothing is promised.
    """
    if after.state not in _WAITING:
        return None
    if before.state in _WAITING and after.channel is before.channel:
        return after.promise
    within = None if after.channel is None else policy.promise(after.channel)
    if within is None or after.channel is None:
        return None
    hours = policy.channels.get(after.channel, ChannelSettings()).hours or policy.hours
    return Promise(hours.after(now, within))


def files_until(case: Case, now: float, policy: CasePolicy) -> float:
    """When the evidence files of a case expire: with the case, some time after its approval, when it can no longer be
    complained about, or at once if it came to nothing.
    """
    match case.state:
        case CaseState.DECLINED:
            return case.deadline or now
        case CaseState.APPROVED | CaseState.BOUND | CaseState.RELEASED:
            moves = (move for move in reversed(case.history) if move.source is not move.target)
            return next((move.at for move in moves if move.target is CaseState.APPROVED), now) + policy.files.keep
        case CaseState.WITHDRAWN | CaseState.EXPIRED | CaseState.REVOKED:
            return now
        case _:
            return case.expires


def requested(case: Case) -> float:
    """When the citizen's present request began: at the beginning, or when more evidence was asked for."""
    return max((m.at for m in case.history if m.target is CaseState.REQUESTED is not m.source), default=case.created)


def due_event(case: Case, now: float) -> ByClock | None:
    """The clock that has run out, as the event it brings about; None if none has. A clock runs out on its second.

    After the event another clock may be over: ask again until None.
    """
    if case.unsettled is not None:
        return Settled() if now >= case.unsettled.until else None
    if case.open and now >= case.expires:
        return DeadlinePassed()
    if case.lease is not None and now >= case.lease:
        return LeaseLapsed()
    if case.promise is not None and not case.promise.missed and now >= case.promise.until:
        return PromiseMissed()
    if case.call is not None and case.call.expires is not None and now >= case.call.expires:
        return CallBackLapsed()
    if case.state is CaseState.SCHEDULED and case.appointment is not None and now < case.appointment.begins:
        return ReminderDue() if any(moment <= now for moment in case.appointment.reminders) else None
    if case.deadline is None or now < case.deadline or case.state in WITH_AGENT:
        return None
    match case.state:
        case CaseState.SCHEDULED:
            return SlotReached()
        case CaseState.REVIEW:
            return None if case.late else ReviewLate()
        case CaseState.HELD:
            return None if case.late else HoldLate()
        case CaseState.DECLINED:
            return RedressEnded()
        case _:
            return DeadlinePassed()
