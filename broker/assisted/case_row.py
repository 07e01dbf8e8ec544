"""Rows of the console's lists: what is known of a case without opening its sealed record. Nothing personal.

A row is computed from the case whenever it is saved. Names, addresses, evidence and notes are never part of it.
"""

from dataclasses import dataclass
from enum import IntFlag, StrEnum
from typing import Final

from broker.assisted.case import Case
from broker.assisted.case_records import HoldReason
from broker.assisted.case_states import CaseState
from broker.assisted.oversight import open_question, unseen_flags
from broker.assisted.reasons import Reason


class CaseFlag(IntFlag):
    """Marks of a case in lists.

    LATE: the review's deadline has passed. STOPPED: a lead has to act, on a held case or on a late review. RAISED: a
    member of staff raised a flag. FRAUD and SAFEGUARDING: a flag or the hold gives such a reason. SPENT: the citizen's
    tries with the code are used up. SKILL: it was returned since it needs a trained member of staff. AGAIN: more
    evidence or another meeting was asked for. CALL: the citizen waits for a call. FROZEN: a citizen stopped the
    identity. REDRESS: the citizen asked for a new look at a declined case. COMPLAINT: a lead has to answer the citizen.
    UNSEEN: a flag waits for a lead who acknowledges it. QUESTION: a question to the leads waits for an answer.
    INCIDENT: it is held for an incident. PROMISE: the citizen waits longer than staff promised.
    """

    LATE = 1
    STOPPED = 2
    RAISED = 4
    FRAUD = 8
    SAFEGUARDING = 16
    SPENT = 32
    SKILL = 64
    AGAIN = 128
    CALL = 256
    FROZEN = 512
    REDRESS = 1024
    COMPLAINT = 2048
    UNSEEN = 4096
    QUESTION = 8192
    INCIDENT = 16384
    PROMISE = 32768


COUNTED: Final = 1000
"""Cases are counted up to this number."""

NO_FLAGS: Final = CaseFlag(0)

AFTERWARDS: Final = CaseFlag.FROZEN | CaseFlag.COMPLAINT
"""Marks that wait for a lead in cases that are no longer open, too."""


_FRAUD = frozenset({Reason.FRAUD_SIGNALS, Reason.SEEN_BEFORE})
_SAFEGUARDING = frozenset({Reason.SAFEGUARDING, Reason.COACHED, Reason.UNDER_PRESSURE})


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One row of a list.

    `ends` is the deadline of the state, or that of the whole case if it is earlier; `changed` when the state began;
    `due` when the next deadline or the lease passes. `priority` is set while the case waits for an agent or a reviewer:
    0 for a case that goes before all others, else 1. `why` is the event that led to the state, with its reasons.
    """

    id: str
    edit_version: int
    reference: str
    state: CaseState
    level: int
    client_id: str
    channel: str | None
    language: str
    created: float
    changed: float
    ends: float
    due: float | None
    holder: str | None
    agent: str | None
    requester: str
    flags: CaseFlag
    priority: int | None
    why: str

    @classmethod
    def of(cls, case: Case) -> "CaseRow":
        """The row of a case."""
        return cls(
            id=case.id,
            edit_version=case.edit_version,
            reference=case.reference,
            state=case.state,
            level=case.level,
            client_id=case.client_id,
            channel=case.channel,
            language=case.language,
            created=case.created,
            changed=case.changed,
            ends=case.expires if case.deadline is None else min(case.deadline, case.expires),
            due=case.due,
            holder=case.holder,
            agent=case.agent,
            requester=case.requester,
            flags=flags_of(case),
            priority=_priority(case),
            why=last_move(case),
        )


def flags_of(case: Case) -> CaseFlag:
    """The marks of a case."""
    held = last_move(case).split() if case.state is CaseState.HELD else []
    reasons = {*(flag.reason for flag in case.flags), *held}
    marks = {
        CaseFlag.LATE: case.late,
        CaseFlag.STOPPED: case.state is CaseState.HELD or (case.state is CaseState.REVIEW and case.late),
        CaseFlag.RAISED: bool(case.flags),
        CaseFlag.FRAUD: not _FRAUD.isdisjoint(reasons),
        CaseFlag.SAFEGUARDING: not _SAFEGUARDING.isdisjoint(reasons),
        CaseFlag.SPENT: case.attempts_exhausted,
        CaseFlag.SKILL: _needs_skill(case),
        CaseFlag.CALL: case.call is not None and case.call.by is None,
        CaseFlag.FROZEN: case.frozen is not None,
        CaseFlag.REDRESS: case.redress_until is not None,
        CaseFlag.COMPLAINT: case.complaint is not None and case.complaint.answered_by is None,
        CaseFlag.UNSEEN: unseen_flags(case),
        CaseFlag.QUESTION: open_question(case),
        CaseFlag.INCIDENT: case.hold is not None and case.hold.reason is HoldReason.INCIDENT,
        CaseFlag.PROMISE: case.promise is not None and case.promise.missed,
        CaseFlag.AGAIN: case.more_asked > 0 or case.meetings > 0,
    }
    found = NO_FLAGS
    for mark, holds in marks.items():
        found |= mark if holds else NO_FLAGS
    return found


def last_move(case: Case) -> str:
    """The event that brought the case into its state, with its reasons; "" for none."""
    moved = next((move for move in reversed(case.history) if move.source is not move.target), None)
    return "" if moved is None else f"{moved.event} {moved.reason}".strip()


def _priority(case: Case) -> int | None:
    if case.state not in (CaseState.QUEUED, CaseState.REVIEW):
        return None
    return 0 if case.late else 1


def _needs_skill(case: Case) -> bool:
    """Whether the last member of staff returned the case for want of training."""
    return case.state is CaseState.QUEUED and last_move(case).endswith(f" {Reason.OTHER_SKILL}")


class CaseOrder(StrEnum):
    """Orders of a list: the nearest deadline, the oldest, or the newest case first."""

    DEADLINE = "deadline"
    OLDEST = "oldest"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases a list shows; None and 0: all open ones. `flags` are marks of which a case has at least one. With
    `closed_too`, and without a state, also those that are no longer open; with `going` without those that are held.

    `before` is the moment (seconds since 1970 UTC) before which the case was created, `ends_before` the one before
    which its deadline passes. `holder` "" means: without one.
    """

    state: CaseState | None = None
    client_id: str | None = None
    level: int | None = None
    channel: str | None = None
    language: str | None = None
    holder: str | None = None
    flags: CaseFlag = NO_FLAGS
    before: float | None = None
    ends_before: float | None = None
    closed_too: bool = False
    going: bool = False


@dataclass(frozen=True, slots=True)
class CasePage:
    """One page of a list. `after` continues it: opaque, None on the last page."""

    rows: tuple[CaseRow, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class CaseCounts:
    """How many cases there are, counted up to `most` each."""

    queued: int
    reviews: int
    late: int
    stopped: int
    oldest: float | None
    most: int
