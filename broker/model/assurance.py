"""Levels of assurance, and the record of how a level came about."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any


class Level(IntEnum):
    """How sure we are who somebody is. Levels are compared by order, never by equality."""

    LOW = 1
    SUBSTANTIAL = 2
    HIGH = 3


@dataclass(frozen=True, slots=True)
class AcrLevels:
    """The names under which the levels go out as `acr` and come in as `acr_values` (OpenID Connect Core 2)."""

    names: Mapping[Level, str]

    def level(self, acr: str) -> Level | None:
        """The level of an `acr` name, or None for a name this broker does not know."""
        for level, name in self.names.items():
            if name == acr:
                return level
        return None

    def acr(self, level: Level) -> str:
        """The `acr` name of a level."""
        return self.names[level]


class EvidenceType(StrEnum):
    """Evidence types of OpenID Identity Assurance Schema Definition 1.0 that are used here."""

    DOCUMENT = "document"
    ELECTRONIC_RECORD = "electronic_record"
    VOUCH = "vouch"


@dataclass(frozen=True, slots=True)
class VerificationCheck:
    """One check of a piece of evidence (`check_details` of OpenID Connect for Identity Assurance 1.0).

    `time` is seconds since 1970 UTC.
    """

    check_method: str
    organization: str | None = None
    check_id: str | None = None
    time: int | None = None


@dataclass(frozen=True, slots=True)
class VerificationEvidence:
    """One piece of evidence. `details` is the content of `document_details`, `record` or `attestation`, by the type."""

    type: EvidenceType
    checks: tuple[VerificationCheck, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verification:
    """How an identity was verified, in the terms of OpenID Connect for Identity Assurance 1.0.

    `claims` names the claims that were verified; `process` is the reference of the case or of the provider's
    verification; `time` is seconds since 1970 UTC.
    """

    trust_framework: str
    level: Level
    time: int
    claims: tuple[str, ...]
    policy: str | None = None
    procedure: str | None = None
    process: str | None = None
    evidence: tuple[VerificationEvidence, ...] = ()


@dataclass(frozen=True, slots=True)
class VerificationCapabilities:
    """What can be said of verifications by one way of proving who one is, before anybody has used it.

    `kinds` are the types of evidence with the types of document, record or attestation there are of each; `methods` are
    the check methods.
    """

    frameworks: frozenset[str]
    claims: frozenset[str]
    kinds: Mapping[EvidenceType, frozenset[str]]
    methods: frozenset[str]


def merge_capabilities(ways: Iterable[VerificationCapabilities]) -> VerificationCapabilities:
    """What several ways can say, taken together."""
    all_ways = tuple(ways)
    types = {kind for way in all_ways for kind in way.kinds}
    return VerificationCapabilities(
        frameworks=frozenset().union(*(way.frameworks for way in all_ways)),
        claims=frozenset().union(*(way.claims for way in all_ways)),
        kinds={kind: frozenset().union(*(way.kinds.get(kind, ()) for way in all_ways)) for kind in types},
        methods=frozenset().union(*(way.methods for way in all_ways)),
    )
