"""What evidence is worth: kinds of evidence, checks, profiles and caps, read from one versioned file.

The four scores (strength and validity of evidence, activity, fraud, verification; each 0 to 4) and the thresholds of
the profiles are modelled on the United Kingdom's guidance on proving identity (GPG 45). Words and layout are our own,
and an operator may hold their staff to another file.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Annotated, Any

from broker.assisted.case import Channel
from broker.model.assurance import EvidenceType, Level
from broker.platform.toml_loader import Problem, Range, load

Score = Annotated[int, Range(0, 4)]
Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CheckKind:
    """One question on a checklist. `text` by language.

    `methods` gives the check method of OpenID Identity Assurance by channel: where a channel is missing, the check
    cannot be done there. `skill` is what the member of staff must be trained for. With `stops` a "no" ends it: a piece
    of evidence is worth nothing any more, and where the check is about the person no level is reached at all. An
    `optional` check may be left unanswered.
    """

    text: Texts
    methods: Mapping[Channel, str]
    skill: str | None = None
    stops: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class ScoreRule:
    """A score, and the checks that must all be answered with yes for it."""

    score: Score
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldKind:
    """Something to note about a piece of evidence.

    `member` is where it stands in what a service is told (OpenID Identity Assurance Schema Definition 1.0, dots for
    nested members); what has none never leaves. A `mark` field is compared across cases.
    """

    text: Texts
    member: str | None = None
    mark: bool = False
    required: bool = True

    @property
    def dated(self) -> bool:
        """Whether it holds a date: its member is one of those that are dates in the standard."""
        return (self.member or "").rpartition(".")[2].startswith("date_")


@dataclass(frozen=True, slots=True)
class EvidenceKind:
    """One kind of evidence: its checklist, what is noted, and what it is worth once checked.

    What is not `by_staff` is recorded by what the citizen does, and by nobody else.
    """

    text: Texts
    type: EvidenceType
    subtype: str
    checks: tuple[str, ...]
    strength: tuple[ScoreRule, ...]
    validity: tuple[ScoreRule, ...]
    fields: Mapping[str, FieldKind] = field(default_factory=dict)
    by_staff: bool = True


@dataclass(frozen=True, slots=True)
class VerificationRule:
    """A score for showing that the person is the one on the evidence: a check, in one of some channels, on evidence
    of at least a strength."""

    score: Score
    check: str
    channels: tuple[Channel, ...]
    strength: Score = 0


@dataclass(frozen=True, slots=True)
class EvidenceRequirement:
    """What one piece of evidence has to score for a profile."""

    strength: Score
    validity: Score


@dataclass(frozen=True, slots=True)
class AssuranceProfile:
    """One way to reach a level: scores that must all be met."""

    level: Level
    evidence: tuple[EvidenceRequirement, ...]
    activity: Score
    fraud: Score
    verification: Score


@dataclass(frozen=True, slots=True)
class Cap:
    """The most a channel can reach: `level`, or `without` where no evidence passed one of the checks `needs_one_of`."""

    level: Level
    without: Level | None = None
    needs_one_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuthenticationRule:
    """What the ways to take up an identity are worth. `live`: browser, code and words of a live case, once."""

    code: Level
    live: Level


@dataclass(frozen=True, slots=True)
class Profiles:
    """Everything the calculator goes by. `alone` caps cases whose evidence is all of one type."""

    version: str
    framework: str
    policy: str
    kinds: Mapping[str, EvidenceKind]
    checks: Mapping[str, CheckKind]
    person: tuple[str, ...]
    activity: tuple[ScoreRule, ...]
    fraud: tuple[ScoreRule, ...]
    verification: tuple[VerificationRule, ...]
    profiles: Mapping[str, AssuranceProfile]
    caps: Mapping[Channel, Cap]
    authentication: AuthenticationRule
    alone: Mapping[EvidenceType, Level] = field(default_factory=dict)

    @property
    def highest(self) -> Level:
        """The highest level a service can ever be told after help from a person."""
        caps = max(cap.level for cap in self.caps.values())
        best = max(profile.level for profile in self.profiles.values())
        return min(caps, best, max(self.authentication.code, self.authentication.live))


def read(table: Mapping[str, Any]) -> tuple[Profiles | None, list[Problem]]:
    """The profiles a TOML table describes, or every problem in it."""
    profiles, problems = load(table, Profiles)
    return profiles, problems or (_check_references(profiles) if profiles else [])


def _check_references(profiles: Profiles) -> list[Problem]:
    """References to checks and channels that nothing defines: a level that could never, or always, be reached."""
    known = profiles.checks.keys()
    used: dict[str, tuple[str, ...]] = {
        "person": profiles.person,
        "verification": tuple(rule.check for rule in profiles.verification),
        "activity": tuple(need for worth in profiles.activity for need in worth.needs),
        "fraud": tuple(need for worth in profiles.fraud for need in worth.needs),
        "caps": tuple(need for cap in profiles.caps.values() for need in cap.needs_one_of),
    }
    for name, kind in profiles.kinds.items():
        needs = tuple(need for worth in (*kind.strength, *kind.validity) for need in worth.needs)
        used[f"kinds.{name}.checks"] = kind.checks
        missing = tuple(need for need in needs if need in known and need not in kind.checks)
        used[f"kinds.{name}"] = (*needs, *(f"{need} (not on its checklist)" for need in missing))
    problems = [
        Problem(path, f'"{check}" is no check', "name one of the tables under [checks]")
        for path, checks in used.items()
        for check in checks
        if check not in known
    ]
    return problems + [
        Problem(f"caps.{channel}", "this channel has no cap", "say what it can reach at most")
        for channel in Channel
        if channel not in profiles.caps
    ]


@cache
def default_profiles() -> Profiles:
    """The profiles that come with the broker. Raises ValueError if they were damaged."""
    table = tomllib.loads(files("broker.assisted").joinpath("profiles.toml").read_text("utf-8"))
    profiles, problems = read(table)
    if profiles is None or problems:
        raise ValueError("\n".join(str(problem) for problem in problems))
    return profiles
