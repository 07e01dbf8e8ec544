"""A case as a partner desk may see it: never its outcome, and the visit only at the desk that holds it."""

from datetime import UTC, datetime
from typing import Final, Literal

from broker.actions.desk.messages import CaseProgress, DeskCase, Recorded, Visit
from broker.assisted.case import Case
from broker.assisted.case_states import CaseState
from broker.assisted.levels import assess
from broker.assisted.profiles import Profiles
from broker.model.assurance import Level

_LEVELS: Final[dict[Level, Literal["low", "substantial", "high"]]] = {
    Level.LOW: "low",
    Level.SUBSTANTIAL: "substantial",
    Level.HIGH: "high",
}


def desk_case(case: Case, profiles: Profiles, remaining: int, *, own: bool) -> DeskCase:
    """The case for a desk. `own` says that this desk was the last to accept it."""
    return DeskCase(
        id=case.id,
        state=progress(case),
        level=_LEVELS[case.level],
        language=case.language,
        remaining_attempts=remaining,
        visit=_visit(case, profiles) if own else None,
    )


def progress(case: Case) -> CaseProgress:
    """How far a case is, without its outcome."""
    if case.at_desk:
        return CaseProgress.AT_DESK
    match case.state:
        case CaseState.DRAFT | CaseState.REQUESTED | CaseState.SCHEDULED | CaseState.QUEUED:
            return CaseProgress.OPEN
        case CaseState.CLAIMED | CaseState.IN_SESSION | CaseState.DECISION | CaseState.REVIEW | CaseState.HELD:
            return CaseProgress.WITH_STAFF
        case CaseState.WITHDRAWN | CaseState.EXPIRED if not case.approved_before:
            return CaseProgress.CANCELLED
        case _:
            return CaseProgress.CLOSED


def _visit(case: Case, profiles: Profiles) -> Visit | None:
    if not case.at_desk or case.desk is None or case.lease is None:
        return None
    return Visit(
        until=datetime.fromtimestamp(int(case.lease), UTC).isoformat().replace("+00:00", "Z"),
        location_id=case.desk.location,
        evidence=tuple(Recorded(id=one.id, kind=one.kind) for one in case.evidence),
        person_checked=bool(case.checks),
        details_recorded=bool(case.details.claims),
        enough=(found := assess(case, profiles).level) is not None and found >= case.level,
        answer_word=case.phrase.second if case.phrase_verified else None,
        files=case.desk.files,
    )
