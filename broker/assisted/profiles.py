"""Assurance profiles: kinds of evidence, checks, profiles and caps, loaded from one versioned TOML file.

The four scores (strength and validity of evidence, activity, fraud, verification; each 0 to 4) and the thresholds of
the profiles are modelled on the United Kingdom's guidance on proving identity (GPG 45). Wording and layout are our own,
and an operator may supply another file.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Annotated, Final

from broker.assisted.case_records import Channel
from broker.model.assurance import EvidenceType, Level
from broker.model.json_types import JsonObject
from broker.platform.toml_loader import Problem, Range, load

Score = Annotated[int, Range(0, 4)]
Texts = Mapping[str, str]


class DateKind(StrEnum):
    """What the date in a field says. Only an expiry may be in the future."""

    EXPIRY = "expiry"
    ISSUE = "issue"
    BIRTH = "birth"
    SINCE = "since"


@dataclass(frozen=True, slots=True)
class CheckKind:
    """Check on a checklist. `text` is by language.

    `methods` maps channels to check methods of OpenID Identity Assurance; a channel that is missing cannot do the
    check. `skill` is the training that the member of staff needs. If `stops` is set, a "no" is final: a piece of
    evidence scores 0, and for a check of the person no level is reached. An `optional` check may stay unanswered.
    `minutes` is how long the check takes, by which the cheapest next step is found.
    """

    text: Texts
    methods: Mapping[Channel, str]
    skill: str | None = None
    stops: bool = False
    optional: bool = False
    minutes: Annotated[int, Range(0, 480)] = 1


@dataclass(frozen=True, slots=True)
class LookUpKind:
    """Look-up in a source outside of the evidence, such as a register: the checks that one record there can answer.

    Each check that is answered by a look-up is recorded with the source, the source's reference, and the time. `record`
    is the type of the electronic record that a service receives for it (OpenID Identity Assurance); without one the
    look-up is never sent.
    """

    text: Texts
    checks: tuple[str, ...]
    record: str | None = None


@dataclass(frozen=True, slots=True)
class VouchRule:
    """Rules for a person who vouches. The names are fields of the kind of evidence.

    `refused` are relations to the citizen that rule a vouch out. The voucher has known the citizen for at least
    `known_days`, and vouches for at most `most` people. `person` are the fields by which a voucher is recognised.
    """

    relation: str
    refused: tuple[str, ...]
    since: str
    person: tuple[str, ...]
    known_days: Annotated[int, Range(0, 36600)] = 730
    most: Annotated[int, Range(1, 1000)] = 5


@dataclass(frozen=True, slots=True)
class ScoreRule:
    """Score, and the checks that must all be answered with yes to reach it."""

    score: Score
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldKind:
    """Field of a piece of evidence.

    `member` is its path in the verified claims sent to a service (OpenID Identity Assurance Schema Definition 1.0, dots
    for nested members); a field without one is never sent. A `mark` field is compared across cases. `date` says what a
    date without a member of the standard means. `choices` are the only values, with their texts. `zone` is the name of
    the member of a machine readable zone (`mrz.Mrz`) that fills the field; the field `form` holds the zone itself, of
    which only the form is kept.
    """

    text: Texts
    member: str | None = None
    mark: bool = False
    required: bool = True
    date: DateKind | None = None
    choices: Mapping[str, Texts] = field(default_factory=dict)
    zone: str | None = None

    @property
    def date_kind(self) -> DateKind | None:
        """What the date in the field says: `date`, or what its member of the standard means; None if it holds none."""
        return self.date or _DATE_MEMBERS.get((self.member or "").rpartition(".")[2])

    @property
    def dated(self) -> bool:
        """Whether the field holds a date."""
        return self.date_kind is not None

    @property
    def expiry(self) -> bool:
        """Whether the field holds the date until which the evidence is valid."""
        return self.date_kind is DateKind.EXPIRY

    @property
    def is_zone(self) -> bool:
        """Whether the field takes a machine readable zone."""
        return self.zone == ZONE


_DATE_MEMBERS: Final[Mapping[str, DateKind]] = {
    "date_of_expiry": DateKind.EXPIRY,
    "date_of_issuance": DateKind.ISSUE,
    "birthdate": DateKind.BIRTH,
}
ZONE: Final = "form"
"""The `zone` of the field that takes a machine readable zone."""


@dataclass(frozen=True, slots=True)
class EvidenceKind:
    """Kind of evidence: its checklist, its fields, and the scores of its checks.

    Evidence that is not `by_staff` is recorded only by an action of the citizen. `grace_days` is for how many days
    after its date of expiry the evidence still counts; after that its validity is 0, whatever the checks say.
    """

    text: Texts
    type: EvidenceType
    subtype: str
    checks: tuple[str, ...]
    strength: tuple[ScoreRule, ...]
    validity: tuple[ScoreRule, ...]
    fields: Mapping[str, FieldKind] = field(default_factory=dict)
    by_staff: bool = True
    grace_days: Annotated[int, Range(0, 3660)] = 0
    vouch: VouchRule | None = None


@dataclass(frozen=True, slots=True)
class VerificationRule:
    """Score for verifying that the person is the subject of the evidence: a check, in one of several channels, on
    evidence of a minimum strength.
    """

    score: Score
    check: str
    channels: tuple[Channel, ...]
    strength: Score = 0


@dataclass(frozen=True, slots=True)
class EvidenceRequirement:
    """Scores that one piece of evidence must reach for a profile."""

    strength: Score
    validity: Score


@dataclass(frozen=True, slots=True)
class AssuranceProfile:
    """Profile that gives a level if all its scores are met."""

    level: Level
    evidence: tuple[EvidenceRequirement, ...]
    activity: Score
    fraud: Score
    verification: Score


@dataclass(frozen=True, slots=True)
class Cap:
    """Highest level of a channel: `level`, or `without` if no evidence passed one of the checks `needs_one_of`."""

    level: Level
    without: Level | None = None
    needs_one_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuthenticationRule:
    """Levels of the proofs with which a citizen binds an identity.

    `live` applies to asking browser, code and words of a live case together; `call_back` if a code that an agent reads
    out in a call stands in for the browser or the words; `passkey` to a confirmed passkey alone, `passkey_device_bound`
    to one that says that it stays on its device (left out: as any other); `code` to anything less (`proofs.worth`).
    """

    code: Level
    live: Level
    call_back: Level = Level.LOW
    passkey: Level = Level.LOW
    passkey_device_bound: Level | None = None

    @property
    def best(self) -> Level:
        """Highest level that any proofs can give."""
        return max(self.code, self.live, self.call_back, self.device_bound)

    @property
    def device_bound(self) -> Level:
        """Level of a passkey that stays on its device: never below that of any other."""
        return max(self.passkey, self.passkey_device_bound or self.passkey)


class ReusedScore(StrEnum):
    """Scores of an earlier check that a renewal may use again. EVIDENCE: pieces beyond the first."""

    EVIDENCE = "evidence"
    ACTIVITY = "activity"
    FRAUD = "fraud"


@dataclass(frozen=True, slots=True)
class RenewalRule:
    """The shorter check of a renewal: it uses the scores in `reuse` that the profile of the earlier check needed, if
    that check was made at most `within_days` before the renewal. Verification is never used again: staff compare the
    face with evidence.
    """

    reuse: tuple[ReusedScore, ...] = ()
    within_days: Annotated[int, Range(0, 3660)] = 366


@dataclass(frozen=True, slots=True)
class Profiles:
    """Content of the profile file. `alone` caps cases whose evidence is all of one type.

    `always` are checks of the person that each level needs, also by a profile that needs no score for fraud.
    `organization` is the name of the organization that makes the checks, as services receive it. With `desk_video`
    partner desks send a short video of the citizen too.
    """

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
    lookups: Mapping[str, LookUpKind] = field(default_factory=dict)
    always: tuple[str, ...] = ()
    organization: str | None = None
    renewal: RenewalRule = field(default_factory=RenewalRule)
    desk_video: bool = False

    @property
    def skills(self) -> frozenset[str]:
        """The skills that some checks need."""
        return frozenset(check.skill for check in self.checks.values() if check.skill is not None)

    @property
    def highest(self) -> Level:
        """Highest level that a service can ever receive after assisted verification."""
        caps = max(cap.level for cap in self.caps.values())
        best = max(profile.level for profile in self.profiles.values())
        return min(caps, best, self.authentication.best)


def read(table: JsonObject) -> tuple[Profiles | None, list[Problem]]:
    """Parses the profiles from a TOML table. Returns them, or every problem found."""
    profiles, problems = load(table, Profiles)
    return profiles, problems or (_check_references(profiles) if profiles else [])


def _check_references(profiles: Profiles) -> list[Problem]:
    """Finds references to undefined checks or channels, by which a level could never, or always, be reached."""
    known = profiles.checks.keys()
    used: dict[str, tuple[str, ...]] = {
        "person": profiles.person,
        "always": profiles.always,
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
    used |= {f"lookups.{name}.checks": lookup.checks for name, lookup in profiles.lookups.items()}
    problems = [
        Problem(path, f'"{check}" is not a check', "name one of the tables under [checks]")
        for path, checks in used.items()
        for check in checks
        if check not in known
    ]
    return (
        problems
        + [
            Problem(f"caps.{channel}", "this channel has no cap", "set the highest level it can reach")
            for channel in Channel
            if channel not in profiles.caps
        ]
        + list(_vouch_problems(profiles))
    )


def _vouch_problems(profiles: Profiles) -> Iterator[Problem]:
    """Finds fields and relations of rules for vouching that do not exist."""
    for name, kind in profiles.kinds.items():
        if kind.vouch is None:
            continue
        for field_name in (kind.vouch.relation, kind.vouch.since, *kind.vouch.person):
            if field_name not in kind.fields:
                yield Problem(f"kinds.{name}.vouch", f'"{field_name}" is not a field', "name a field of this kind")
        relation = kind.fields.get(kind.vouch.relation)
        for word in kind.vouch.refused:
            if relation is not None and word not in relation.choices:
                yield Problem(f"kinds.{name}.vouch.refused", f'"{word}" is not a choice', "name a choice of the field")


@cache
def default_profiles() -> Profiles:
    """Loads the profiles of the package. Raises ValueError if the file is invalid."""
    table = tomllib.loads(files("broker.assisted").joinpath("profiles.toml").read_text("utf-8"))
    profiles, problems = read(table)
    if profiles is None or problems:
        raise ValueError("\n".join(str(problem) for problem in problems))
    return profiles
