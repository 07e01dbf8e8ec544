"""Calculation of the level of assurance: which level the recorded evidence supports, and what is missing for the level
that the service requested.

Staff record observations; the level is always computed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from broker.assisted.case import Case
from broker.assisted.case_records import CheckOutcome, CheckRecord, EvidenceRecord
from broker.assisted.documents import Validity, day, term
from broker.assisted.former import CasePurpose
from broker.assisted.profiles import AssuranceProfile, EvidenceRequirement, Profiles, ReusedScore, ScoreRule
from broker.model.assurance import EvidenceType, Level


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores of one piece of evidence. `id` is the id of the evidence.

    `expired` says that its date of expiry, with the grace of its kind, had passed on the day (UTC) on which it was
    recorded: its validity is then 0.
    """

    id: str
    strength: int
    validity: int
    expired: bool = False


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of everything recorded. `stopped` names checks of the person that were failed and rule out any level,
    `owed` those that every level needs and that were not passed.
    """

    evidence: tuple[Scored, ...] = ()
    activity: int = 0
    fraud: int = 0
    verification: int = 0
    stopped: tuple[str, ...] = ()
    owed: tuple[str, ...] = ()


class Requirement(StrEnum):
    """Kinds of requirements that a profile can miss."""

    EVIDENCE = "evidence"
    ACTIVITY = "activity"
    FRAUD = "fraud"
    VERIFICATION = "verification"
    CHANNEL = "channel"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class MissingRequirement:
    """One requirement that is not met. For evidence, `piece` is the required score; otherwise `needed` and `have` are
    scores.
    """

    aspect: Requirement
    needed: int
    have: int
    piece: EvidenceRequirement | None = None


@dataclass(frozen=True, slots=True)
class PathToLevel:
    """Profile that would reach the level, and its missing requirements. Fewer are better."""

    profile: str
    level: Level
    lacks: tuple[MissingRequirement, ...]


@dataclass(frozen=True, slots=True)
class Assessment:
    """Assessment of the evidence: the supported level and its profile, or None.

    `cap` is the highest level for this channel and evidence; `ways` are the best paths to the requested level, empty if
    it is reached; `version` is the version of the profile file.
    """

    version: str
    scores: Scores
    cap: Level
    level: Level | None
    profile: str | None
    ways: tuple[PathToLevel, ...]


_MAX_PATHS = 3
"""Maximum number of paths to the requested level."""


def assess(case: Case, profiles: Profiles) -> Assessment:
    """Computes the level that the evidence of the case supports now."""
    scores, cap = _with_reused(case, score(case, profiles), profiles), level_cap(case, profiles)
    if case.former is not None:
        cap = min(cap, case.former.level)
    met = [(name, profile) for name, profile in profiles.profiles.items() if not unmet_requirements(profile, scores)]
    name, best = max(met, key=lambda pair: pair[1].level, default=(None, None))
    level = min(best.level, cap) if best and not (scores.stopped or scores.owed) else None
    enough = level is not None and level >= case.level
    return Assessment(
        profiles.version,
        scores,
        cap,
        level,
        name if level is not None else None,
        () if enough else _nearest(case.level, cap, scores, profiles),
    )


def _with_reused(case: Case, scores: Scores, profiles: Profiles) -> Scores:
    """The scores of a renewal, with those of the earlier check that count again. A further piece of evidence counts
    only beside one of now that is as strong as the strongest of then.
    """
    former = profiles.profiles.get((case.former.profile or "") if case.former is not None else "")
    if former is None or case.purpose is not CasePurpose.RENEWAL:
        return scores
    reuse = profiles.renewal.reuse
    pieces = sorted(former.evidence, key=lambda piece: (piece.strength, piece.validity), reverse=True)
    first = next(iter(pieces), None)
    again = first is not None and any(
        one.strength >= first.strength and one.validity >= first.validity for one in scores.evidence
    )
    earlier = tuple(Scored("", piece.strength, piece.validity) for piece in pieces[1:])
    return replace(
        scores,
        evidence=(*scores.evidence, *(earlier if again and ReusedScore.EVIDENCE in reuse else ())),
        activity=max(scores.activity, former.activity if ReusedScore.ACTIVITY in reuse else 0),
        fraud=max(scores.fraud, former.fraud if ReusedScore.FRAUD in reuse else 0),
    )


def score(case: Case, profiles: Profiles) -> Scores:
    """Computes the scores of everything recorded in a case."""
    person = _answers(case.checks)
    pieces = tuple(_scored(evidence, profiles) for evidence in case.evidence)
    return Scores(
        evidence=pieces,
        activity=_best_score(profiles.activity, person[CheckOutcome.YES]),
        fraud=_best_score(profiles.fraud, person[CheckOutcome.YES]),
        verification=_verification(case, pieces, profiles),
        stopped=_stopping(person[CheckOutcome.NO], profiles),
        owed=tuple(name for name in profiles.always if name not in person[CheckOutcome.YES]),
    )


def _answers(checks: Iterable[CheckRecord]) -> dict[CheckOutcome, frozenset[str]]:
    recorded = list(checks)
    return {outcome: frozenset(c.check for c in recorded if c.outcome is outcome) for outcome in CheckOutcome}


def _best_score(rules: Sequence[ScoreRule], passed: frozenset[str]) -> int:
    return max((rule.score for rule in rules if passed.issuperset(rule.needs)), default=0)


def _stopping(failed: frozenset[str], profiles: Profiles) -> tuple[str, ...]:
    return tuple(sorted(name for name in failed if name in profiles.checks and profiles.checks[name].stops))


def _scored(evidence: EvidenceRecord, profiles: Profiles) -> Scored:
    kind = profiles.kinds.get(evidence.kind)
    answers = _answers(evidence.checks)
    if kind is None or _stopping(answers[CheckOutcome.NO], profiles):
        return Scored(evidence.id, 0, 0)
    passed = answers[CheckOutcome.YES] & set(kind.checks)
    valid = term(kind, evidence.details, day(evidence.at))
    expired = valid is not None and valid.validity is Validity.OUT_OF_DATE
    validity = 0 if expired else _best_score(kind.validity, passed)
    return Scored(evidence.id, _best_score(kind.strength, passed), validity, expired)


def _verification(case: Case, pieces: Sequence[Scored], profiles: Profiles) -> int:
    """Score for verification. Only evidence with a validity score can verify whose it is."""
    best = 0
    for evidence, scored in zip(case.evidence, pieces, strict=True):
        passed = _answers(evidence.checks)[CheckOutcome.YES]
        for rule in profiles.verification:
            fits = case.channel in rule.channels and rule.check in passed
            if fits and scored.validity > 0 and scored.strength >= rule.strength:
                best = max(best, rule.score)
    return best


def level_cap(case: Case, profiles: Profiles) -> Level:
    """Highest level that the channel of the session and the types of evidence allow."""
    if case.channel is None:
        return Level.LOW
    rule = profiles.caps[case.channel]
    passed = {check for evidence in case.evidence for check in _answers(evidence.checks)[CheckOutcome.YES]}
    lacking = rule.without is not None and passed.isdisjoint(rule.needs_one_of)
    cap = rule.without if lacking and rule.without is not None else rule.level
    types: set[EvidenceType] = {evidence.type for evidence in case.evidence}
    return min(cap, profiles.alone.get(types.pop(), cap)) if len(types) == 1 else cap


def unmet_requirements(profile: AssuranceProfile, scores: Scores) -> tuple[MissingRequirement, ...]:
    """Requirements of a profile that the scores do not meet; empty if all are met."""
    missing = [
        MissingRequirement(Requirement.EVIDENCE, 1, 0, piece) for piece in _unmet(profile.evidence, scores.evidence)
    ]
    for aspect, needed, have in (
        (Requirement.ACTIVITY, profile.activity, scores.activity),
        (Requirement.FRAUD, profile.fraud, scores.fraud),
        (Requirement.VERIFICATION, profile.verification, scores.verification),
    ):
        if have < needed:
            missing.append(MissingRequirement(aspect, needed, have))
    return tuple(missing)


def _unmet(pieces: Sequence[EvidenceRequirement], evidence: Sequence[Scored]) -> tuple[EvidenceRequirement, ...]:
    """Smallest set of required pieces that no evidence fills. Each piece of evidence counts once."""
    if not pieces:
        return ()
    first, rest = pieces[0], pieces[1:]
    best = (first, *_unmet(rest, evidence))
    for index, one in enumerate(evidence):
        if one.strength >= first.strength and one.validity >= first.validity:
            left = _unmet(rest, (*evidence[:index], *evidence[index + 1 :]))
            best = min(best, left, key=len)
    return best


def _nearest(asked: Level, cap: Level, scores: Scores, profiles: Profiles) -> tuple[PathToLevel, ...]:
    channel = (MissingRequirement(Requirement.CHANNEL, asked, cap),) if cap < asked else ()
    owed = (MissingRequirement(Requirement.ALWAYS, 1, 0),) if scores.owed and not scores.fraud else ()
    ways = [
        PathToLevel(name, profile.level, (*unmet_requirements(profile, scores), *channel, *owed))
        for name, profile in profiles.profiles.items()
        if profile.level >= asked
    ]
    return tuple(sorted(ways, key=lambda way: (len(way.lacks), way.level))[:_MAX_PATHS])
