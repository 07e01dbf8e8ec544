"""Cheapest next step: the checks that would reach the level that the service asked for, in the channel of the session.

For each profile of the level, each of its pieces is a recorded piece of evidence or another kind to ask for, and its
scores need checks that are missing. The minutes of the missing checks are the cost. A check that was answered with no
is never asked again, and one that could not be made costs twice.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from broker.assisted.case import Case
from broker.assisted.case_records import Channel, CheckOutcome, CheckRecord
from broker.assisted.documents import Validity, day, term
from broker.assisted.levels import score
from broker.assisted.profiles import AssuranceProfile, EvidenceKind, EvidenceRequirement, Profiles, ScoreRule
from broker.model.assurance import EvidenceType, Level

NEW_PIECE_MINUTES: Final = 3
"""Minutes to ask for another piece of evidence and to write down its fields."""


@dataclass(frozen=True, slots=True)
class PieceStep:
    """Checks to make on one piece of evidence. `id` is that of a recorded piece, "" for one of this kind to ask for."""

    id: str
    kind: str
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NextStep:
    """Missing checks of the cheapest way to the level, by piece and of the person, and about how long they take."""

    profile: str
    minutes: int
    pieces: tuple[PieceStep, ...]
    person: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Piece of evidence that may be used: a recorded one, or one that could be asked for."""

    id: str
    kind: str
    rules: EvidenceKind
    passed: frozenset[str]
    possible: Mapping[str, int]
    """Minutes of each check that may still be made in this channel."""


_Filled = tuple[_Piece, frozenset[str]]
"""A piece with the checks that it still needs."""


@dataclass(frozen=True, slots=True)
class _Search:
    """What every profile is measured with."""

    case: Case
    channel: Channel
    profiles: Profiles
    pieces: tuple[_Piece, ...]
    passed: frozenset[str]
    possible: Mapping[str, int]


def best_level(channel: Channel, profiles: Profiles) -> Level:
    """Highest level that any evidence can reach in a channel."""
    return profiles.caps[channel].level


def next_step(case: Case, profiles: Profiles, skills: Collection[str] = ()) -> NextStep | None:
    """Cheapest way to the level of the case with what is recorded, for a member of staff with these skills; None if no
    way leads there in this channel.
    """
    channel = case.channel
    if channel is None or best_level(channel, profiles) < case.level or score(case, profiles).stopped:
        return None
    askable = {
        name: kind.minutes
        for name, kind in profiles.checks.items()
        if channel in kind.methods and (kind.skill is None or kind.skill in skills)
    }
    search = _Search(
        case,
        channel,
        profiles,
        tuple(_pieces(case, askable, profiles)),
        _by_outcome(case.checks, CheckOutcome.YES),
        _possible(profiles.person, case.checks, askable),
    )
    best: NextStep | None = None
    for name, profile in sorted(profiles.profiles.items(), key=lambda one: (len(one[1].evidence), one[1].level)):
        if profile.level >= case.level:
            best = _way(name, profile, search, best) or best
    return best


def _by_outcome(checks: Iterable[CheckRecord], outcome: CheckOutcome) -> frozenset[str]:
    return frozenset(check.check for check in checks if check.outcome is outcome)


def _possible(names: Iterable[str], recorded: Sequence[CheckRecord], askable: Mapping[str, int]) -> dict[str, int]:
    """Checks that may still be made, with their minutes. `askable` are those of the channel and the member of staff."""
    failed, tried = _by_outcome(recorded, CheckOutcome.NO), _by_outcome(recorded, CheckOutcome.COULD_NOT)
    return {
        name: askable[name] * (2 if name in tried else 1) for name in names if name in askable and name not in failed
    }


def _pieces(case: Case, askable: Mapping[str, int], profiles: Profiles) -> Iterator[_Piece]:
    """Recorded pieces that still count, and one of each kind that staff can record and that is not there yet."""
    for one in case.evidence:
        rules = profiles.kinds.get(one.kind)
        if rules is None:
            continue
        valid = term(rules, one.details, day(one.at))
        failed = _by_outcome(one.checks, CheckOutcome.NO)
        stopped = any(profiles.checks[name].stops for name in failed if name in profiles.checks)
        if not stopped and (valid is None or valid.validity is not Validity.OUT_OF_DATE):
            possible = _possible(rules.checks, one.checks, askable) if rules.by_staff else {}
            yield _Piece(one.id, one.kind, rules, _by_outcome(one.checks, CheckOutcome.YES), possible)
    recorded = {one.kind for one in case.evidence}
    for name, rules in profiles.kinds.items():
        if rules.by_staff and name not in recorded:
            yield _Piece("", name, rules, frozenset(), _possible(rules.checks, (), askable))


def _way(name: str, profile: AssuranceProfile, search: _Search, best: NextStep | None) -> NextStep | None:
    """Cheapest way of one profile, if it is cheaper than `best`."""
    person = _person(profile, search)
    if person is None:
        return None
    found, limit, base = None, inf if best is None else best.minutes, _cost(person, search.possible)
    filled = [
        [(one, needs) for one in search.pieces if (needs := _fill(one, need)) is not None] for need in profile.evidence
    ]
    for chosen in _choices(filled, limit - base):
        pieces = _verified(chosen, profile, search)
        if pieces is None or _capped(pieces, search):
            continue
        minutes = base + sum(_piece_cost(*piece) for piece in pieces)
        if minutes < limit:
            steps = tuple(
                PieceStep(one.id, one.kind, _in_order(needs, one.rules.checks)) for one, needs in pieces if needs
            )
            found, limit = NextStep(name, minutes, steps, _in_order(person, search.profiles.person)), minutes
    return found


def _choices(filled: Sequence[Sequence[_Filled]], limit: float) -> Iterator[tuple[_Filled, ...]]:
    """Choices of different pieces for the requirements in order, each cheaper than the limit."""
    if not filled:
        yield ()
        return
    for first in filled[0]:
        left = limit - _piece_cost(*first)
        if left > 0:
            for rest in _choices(filled[1:], left):
                if all(one is not first[0] for one, _ in rest):
                    yield (first, *rest)


def _piece_cost(piece: _Piece, needs: frozenset[str]) -> int:
    return _cost(needs, piece.possible) + (0 if piece.id else NEW_PIECE_MINUTES)


def _person(profile: AssuranceProfile, search: _Search) -> frozenset[str] | None:
    """Missing checks of the person; None if a score cannot be reached."""
    found = [
        _cheapest(rules, needed, search.passed, search.possible)
        for rules, needed in (
            (search.profiles.activity, profile.activity),
            (search.profiles.fraud, profile.fraud),
            ((ScoreRule(1, search.profiles.always),), 1),
        )
    ]
    return None if None in found else frozenset().union(*(one for one in found if one is not None))


def _fill(piece: _Piece, need: EvidenceRequirement) -> frozenset[str] | None:
    """Missing checks with which a piece meets a requirement; None if it cannot."""
    strong = _cheapest(piece.rules.strength, need.strength, piece.passed, piece.possible)
    valid = _cheapest(piece.rules.validity, need.validity, piece.passed | (strong or frozenset()), piece.possible)
    return None if strong is None or valid is None else strong | valid


def _verified(pieces: tuple[_Filled, ...], profile: AssuranceProfile, search: _Search) -> tuple[_Filled, ...] | None:
    """The pieces with the missing checks that verify the person on one of them; None if no piece can."""
    if not profile.verification:
        return pieces
    options: list[tuple[int, int, frozenset[str]]] = []
    for index, (one, needs) in enumerate(pieces):
        for rule in search.profiles.verification:
            if rule.score < profile.verification or search.channel not in rule.channels:
                continue
            strong = _cheapest(one.rules.strength, rule.strength, one.passed | needs, one.possible)
            face = _cheapest((ScoreRule(1, (rule.check,)),), 1, one.passed, one.possible)
            if strong is not None and face is not None:
                more = (strong | face) - needs
                options.append((_cost(more, one.possible), index, more))
    if not options:
        return None
    _, index, more = min(options, key=lambda option: option[:2])
    return tuple((one, needs | more if at == index else needs) for at, (one, needs) in enumerate(pieces))


def _capped(pieces: Sequence[_Filled], search: _Search) -> bool:
    """Whether the channel, or evidence that is all of one type, stays below the level with these checks."""
    cap = search.profiles.caps[search.channel]
    passed: frozenset[str] = frozenset().union(*(needs | one.passed for one, needs in pieces))
    limit = cap.without if cap.without is not None and passed.isdisjoint(cap.needs_one_of) else cap.level
    types: set[EvidenceType] = {one.rules.type for one, _ in pieces} | {one.type for one in search.case.evidence}
    if len(types) == 1:
        limit = min(limit, search.profiles.alone.get(types.pop(), limit))
    return limit < search.case.level


def _cheapest(
    rules: Sequence[ScoreRule], needed: int, passed: frozenset[str], possible: Mapping[str, int]
) -> frozenset[str] | None:
    """Missing checks of the cheapest rule that reaches a score; none for score 0; None if no rule can be met."""
    if needed == 0:
        return frozenset()
    options = [
        missing
        for rule in rules
        if rule.score >= needed and (missing := frozenset(rule.needs) - passed) <= possible.keys()
    ]
    return min(options, key=lambda missing: (_cost(missing, possible), sorted(missing)), default=None)


def _cost(checks: Iterable[str], possible: Mapping[str, int]) -> int:
    return sum(possible[check] for check in checks)


def _in_order(checks: frozenset[str], order: Sequence[str]) -> tuple[str, ...]:
    return tuple(check for check in order if check in checks)
