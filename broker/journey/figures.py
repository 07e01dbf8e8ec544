"""Figures of sign-ins for open data, counted from rows of the audit record alone.

A row about a sign-in carries the day on which the sign-in started, so that every figure of a day is about the sign-ins
started on it, and those that never ended are what is left of the started ones. `count` adds one row up, `publish` makes
the lines of a day of which readers can compute no count that was left out (`model.disclosure`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from broker.journey.transaction import Transaction
from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.model.disclosure import SMALLEST, disclose, rounded
from broker.model.feedback import Rating

STARTS: Final = "sign_ins_started"
"""Kind of the audit row that holds how many sign-ins of a day a process has started, by language."""

REST: Final = "(other)"
"""Detail of the line with the sum of what was left out."""


class SignInPath(StrEnum):
    """How a sign-in came to its identity."""

    SESSION = "session"
    """The citizen was signed in already."""
    FIRST_CHOICE = "first_choice"
    """The first way that the citizen chose succeeded, without a failure."""
    OTHER_CHOICE = "other_choice"
    """The citizen changed to another way before the first one failed."""
    AFTER_FAILURE = "after_failure"
    """Something failed before."""


class Figure(StrEnum):
    """What is published of a day. What the details are stands beside."""

    STARTED = "started"
    """All sign-ins of the day; no detail."""
    ENDED = "ended"
    """How they ended: `SignInEnding`."""
    ANSWERED = "answered"
    """Those whose service got an identity: `SignInPath`."""
    FIRST_CHOICE = "first_choice"
    """Of `answered`, by provider; HELP is a person."""
    OTHER_CHOICE = "other_choice"
    AFTER_FAILURE = "after_failure"
    ANSWERED_LANGUAGE = "answered_language"
    UNFINISHED_LANGUAGE = "unfinished_language"
    """Those whose service got no identity, by language."""
    ANSWERED_LEVEL = "answered_level"
    """By the level that the service asked for."""
    GIVEN_UP = "given_up"
    """Citizens who returned to the service without an identity, by class of the last failure."""
    FAILED = "failed"
    """Attempts that failed; no detail. One sign-in may have several."""
    FAILED_CLASS = "failed_class"
    FAILED_PROVIDER = "failed_provider"
    FAILED_LEVEL = "failed_level"
    FEEDBACK = "feedback"
    """Feedback that was given on the day; no detail."""
    FEEDBACK_RATING = "feedback_rating"
    """The same by its answer (`model.feedback.Rating`)."""


class SignInEnding(StrEnum):
    """How a sign-in ended, by two days after its day."""

    ANSWERED = "answered"
    KEPT = "kept"
    """The identity was proven, but the service had stopped waiting: its next request gets it."""
    GIVEN_UP = "given_up"
    WITH_PERSON = "with_person"
    """The citizen asked for a person, and their request is still open or ended without an identity."""
    DROPPED = "dropped"
    """Nothing was heard of the citizen any more."""


class _Counted(StrEnum):
    """What only the computation needs."""

    STARTED_LANGUAGE = "started_language"
    KEPT = "kept"
    HELP_ASKED = "help_asked"
    HELP_LEFT = "help_left"


@dataclass(frozen=True, slots=True)
class FigureKey:
    """What is counted together: the day (UTC) on which the sign-ins started, a measure, its detail."""

    day: str
    measure: str
    detail: str


@dataclass(frozen=True, slots=True)
class FigureLine:
    """One published figure, rounded."""

    measure: str
    detail: str
    count: int


@dataclass(frozen=True, slots=True)
class PublishedDay:
    """The figures of a day as they were published, in seconds since 1970 UTC (`published`).

    `revision` is 1, and more for a correction, whose `reason` is public.
    """

    day: str
    revision: int
    published: float
    reason: str
    lines: tuple[FigureLine, ...]


# --- what rows carry ---


def day_of(at: float) -> str:
    """The day (UTC, YYYY-MM-DD) of a time."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def is_counted(transaction: Transaction) -> bool:
    """Whether the transaction is a sign-in of open data: for a service, by a page that the citizen sees."""
    return transaction.request.to_client and "none" not in transaction.request.prompt


def figure_details(kind: str, transaction: Transaction) -> Mapping[str, str]:
    """The details that a row of this kind carries for open data."""
    if kind not in _COUNT or not is_counted(transaction):
        return {}
    found = {
        "started": day_of(transaction.created),
        "language": transaction.language,
        "asked": transaction.request.min_level.name.lower(),
    }
    if kind == "attempt_failed":
        return found
    if transaction.case or transaction.case_to_withdraw or transaction.ended_case:
        found["helped"] = "yes"
    if kind != "given_up":
        found["path"] = _path(transaction)
    return found


def request_details(transaction: Transaction) -> Mapping[str, str]:
    """The details that the row of a request for help carries for open data: none for a second request."""
    again = transaction.case_to_withdraw or transaction.ended_case
    return {} if again or not is_counted(transaction) else {"started": day_of(transaction.created)}


def _path(transaction: Transaction) -> SignInPath:
    chosen = transaction.identity.provider if transaction.identity else None
    if transaction.account is not None:
        return SignInPath.SESSION
    if transaction.failures:
        return SignInPath.AFTER_FAILURE
    return SignInPath.FIRST_CHOICE if transaction.first_choice in (None, chosen) else SignInPath.OTHER_CHOICE


def start_events(counts: Mapping[tuple[str, str, str], int], now: float) -> tuple[AuditEvent, ...]:
    """The audit rows of started sign-ins, counted by service, day and language: one for each service and day."""
    grouped: dict[tuple[str, str], dict[str, str]] = {}
    for (client_id, day, language), number in sorted(counts.items()):
        grouped.setdefault((client_id, day), {})[language] = str(number)
    return tuple(
        AuditEvent(STARTS, now, "broker", client_id=client_id, details={"started": day, **languages})
        for (client_id, day), languages in grouped.items()
    )


# --- counting ---


def count(event: AuditEvent) -> Mapping[FigureKey, int]:
    """What one audit row adds."""
    day, found = event.details.get("started"), _COUNT.get(event.kind)
    if day is None or found is None:
        return {}
    return {FigureKey(day, measure, detail): number for measure, detail, number in found(event)}


def count_all(events: Iterable[AuditEvent]) -> Mapping[FigureKey, int]:
    """What many audit rows add."""
    total: Counter[FigureKey] = Counter()
    for event in events:
        total.update(count(event))
    return total


_Found = Iterable[tuple[str, str, int]]


def _starts(event: AuditEvent) -> _Found:
    for language, number in event.details.items():
        if language != "started":
            yield _Counted.STARTED_LANGUAGE, language, int(number)


def _answered(event: AuditEvent) -> _Found:
    path = event.details.get("path", SignInPath.FIRST_CHOICE)
    yield Figure.ANSWERED, path, 1
    yield Figure.ANSWERED_LANGUAGE, event.details.get("language", ""), 1
    yield Figure.ANSWERED_LEVEL, event.details.get("asked", ""), 1
    if path in _BY_WAY:
        yield path, event.provider or "", 1
    yield from _left_help(event)


def _kept(event: AuditEvent) -> _Found:
    yield _Counted.KEPT, "", 1
    yield from _left_help(event)


def _given_up(event: AuditEvent) -> _Found:
    yield Figure.GIVEN_UP, event.details.get("failure", ""), 1
    yield from _left_help(event)


def _left_help(event: AuditEvent) -> _Found:
    if "helped" in event.details:
        yield _Counted.HELP_LEFT, "", 1


def _failed(event: AuditEvent) -> _Found:
    yield Figure.FAILED_CLASS, event.details.get("failure", ""), 1
    yield Figure.FAILED_PROVIDER, event.provider or "", 1
    yield Figure.FAILED_LEVEL, event.details.get("asked", ""), 1


def _asked(_event: AuditEvent) -> _Found:
    yield _Counted.HELP_ASKED, "", 1


def _feedback(event: AuditEvent) -> _Found:
    yield Figure.FEEDBACK_RATING, event.details.get("rating", ""), 1


_BY_WAY: Final = (SignInPath.FIRST_CHOICE, SignInPath.OTHER_CHOICE, SignInPath.AFTER_FAILURE)
_COUNT: Final = {
    STARTS: _starts,
    "service_answered": _answered,
    "identity_kept": _kept,
    "given_up": _given_up,
    "attempt_failed": _failed,
    "case_submitted": _asked,
    "feedback_given": _feedback,
}


# --- publishing ---


def publish(counted: Mapping[FigureKey, int]) -> tuple[FigureLine, ...]:
    """The lines of one day that may be published.

    The parts of each total are disjoint, and a total of parts is published itself or not divided: a reader who knows
    every published count exactly learns nothing of the parts that were left out of one total from another one.
    """
    found: dict[str, dict[str, int]] = {}
    for key, number in counted.items():
        found.setdefault(key.measure, {})[key.detail] = number

    def total(measure: str) -> int:
        return sum(found.get(measure, {}).values())

    by_path = {path.value: found.get(Figure.ANSWERED, {}).get(path, 0) for path in SignInPath}
    endings = _endings(found)
    lines = _Lines()
    lines.add_total(Figure.STARTED, sum(endings.values()))
    ended = lines.divide(Figure.ENDED, endings, Figure.STARTED in lines.totals)
    paths = lines.divide(Figure.ANSWERED, by_path, SignInEnding.ANSWERED in ended)
    ways = {way for measure in (*_BY_WAY, Figure.FAILED_PROVIDER) for way in found.get(measure, {})}
    for path in _BY_WAY:
        by_way = found.get(path, {})
        lines.divide(path, {way: by_way.get(way, 0) for way in ways}, path in paths)
    languages = found.get(_Counted.STARTED_LANGUAGE, {}) | dict.fromkeys(found.get(Figure.ANSWERED_LANGUAGE, {}), 0)
    started, answered = found.get(_Counted.STARTED_LANGUAGE, {}), found.get(Figure.ANSWERED_LANGUAGE, {})
    spoken = {language: answered.get(language, 0) for language in languages}
    unfinished = {language: max(0, started.get(language, 0) - spoken[language]) for language in languages}
    lines.divide(Figure.ANSWERED_LANGUAGE, spoken, SignInEnding.ANSWERED in ended)
    lines.divide(Figure.UNFINISHED_LANGUAGE, unfinished, SignInEnding.ANSWERED in ended)
    lines.divide(Figure.ANSWERED_LEVEL, _levels(found.get(Figure.ANSWERED_LEVEL, {})), SignInEnding.ANSWERED in ended)
    lines.divide(Figure.GIVEN_UP, found.get(Figure.GIVEN_UP, {}), SignInEnding.GIVEN_UP in ended)
    lines.add_total(Figure.FAILED, total(Figure.FAILED_CLASS))
    for measure in (Figure.FAILED_CLASS, Figure.FAILED_PROVIDER):
        lines.divide(measure, found.get(measure, {}), Figure.FAILED in lines.totals)
    lines.divide(Figure.FAILED_LEVEL, _levels(found.get(Figure.FAILED_LEVEL, {})), Figure.FAILED in lines.totals)
    lines.add_total(Figure.FEEDBACK, total(Figure.FEEDBACK_RATING))
    ratings = found.get(Figure.FEEDBACK_RATING, {})
    known = Figure.FEEDBACK in lines.totals
    lines.divide(Figure.FEEDBACK_RATING, {rating.value: ratings.get(rating, 0) for rating in Rating}, known)
    return tuple(lines.lines)


def _endings(found: Mapping[str, Mapping[str, int]]) -> Mapping[str, int]:
    """How sign-ins ended. A process that was killed may have lost starts of its last seconds: then fewer dropped."""

    def total(measure: str) -> int:
        return sum(found.get(measure, {}).values())

    helped = max(0, total(_Counted.HELP_ASKED) - total(_Counted.HELP_LEFT))
    known = {
        SignInEnding.ANSWERED.value: total(Figure.ANSWERED),
        SignInEnding.KEPT.value: total(_Counted.KEPT),
        SignInEnding.GIVEN_UP.value: total(Figure.GIVEN_UP),
        SignInEnding.WITH_PERSON.value: helped,
    }
    dropped = total(_Counted.STARTED_LANGUAGE) - sum(known.values())
    return known | {SignInEnding.DROPPED.value: max(0, dropped)}


def _levels(parts: Mapping[str, int]) -> Mapping[str, int]:
    return {level.name.lower(): parts.get(level.name.lower(), 0) for level in Level}


class _Lines:
    """Collects the lines of a day, and which totals readers know."""

    def __init__(self) -> None:
        self.lines: list[FigureLine] = []
        self.totals: set[str] = set()

    def add_total(self, measure: Figure, number: int) -> None:
        """Publishes a total, if it is large enough."""
        if number >= SMALLEST:
            self.totals.add(measure)
            self.lines.append(FigureLine(measure, "", rounded(number)))

    def divide(self, measure: str, parts: Mapping[str, int], known: bool) -> frozenset[str]:  # noqa: FBT001
        """Publishes the parts of a total that readers know. Returns the parts that are published."""
        disclosed = disclose(parts) if known else None
        if disclosed is None:
            return frozenset()
        self.lines += [FigureLine(measure, name, rounded(number)) for name, number in sorted(disclosed.parts.items())]
        if disclosed.rest:
            self.lines.append(FigureLine(measure, REST, rounded(disclosed.rest)))
        return frozenset(disclosed.parts)
