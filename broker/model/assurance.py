"""Levels of assurance, and the record of a verification."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from broker.model.json_types import JsonObject


class Level(IntEnum):
    """Level of assurance of an identity. Compare levels by order, not by equality."""

    LOW = 1
    SUBSTANTIAL = 2
    HIGH = 3


@dataclass(frozen=True, slots=True)
class AcrLevels:
    """Names of the levels in `acr` and `acr_values` (OpenID Connect Core 2)."""

    names: Mapping[Level, str]

    def level(self, acr: str) -> Level | None:
        """Level of an `acr` value, or None if the value is unknown."""
        for level, name in self.names.items():
            if name == acr:
                return level
        return None

    def acr(self, level: Level) -> str:
        """`acr` value of a level."""
        return self.names[level]


class EvidenceType(StrEnum):
    """Evidence types used here (OpenID Identity Assurance Schema Definition 1.0)."""

    DOCUMENT = "document"
    ELECTRONIC_RECORD = "electronic_record"
    VOUCH = "vouch"


@dataclass(frozen=True, slots=True)
class VerificationCheck:
    """Check of a piece of evidence (`check_details` of OpenID Connect for Identity Assurance 1.0).

    `time` is seconds since 1970 UTC.
    """

    check_method: str
    organization: str | None = None
    check_id: str | None = None
    time: int | None = None


@dataclass(frozen=True, slots=True)
class VerificationEvidence:
    """Piece of evidence. `details` is the content of `document_details`, `record` or `attestation`, depending on the
    type.
    """

    type: EvidenceType
    checks: tuple[VerificationCheck, ...] = ()
    details: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AssuranceDetail:
    """Part of an assurance process (`assurance_details`): which part, and how what was shown for it is classified.

    `checks` are the ids of the checks that it rests on, each with the classification of its evidence, "" for none.
    """

    type: str
    classification: str
    checks: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Verification:
    """Verification record of an identity, in the terms of OpenID Connect for Identity Assurance 1.0.

    `claims` names the verified claims; `process` is the reference of the case or of the provider's verification; `time`
    is seconds since 1970 UTC.
    """

    trust_framework: str
    level: Level
    time: int
    claims: tuple[str, ...]
    policy: str | None = None
    procedure: str | None = None
    process: str | None = None
    evidence: tuple[VerificationEvidence, ...] = ()
    assurance: tuple[AssuranceDetail, ...] = ()


@dataclass(frozen=True, slots=True)
class VerificationCapabilities:
    """Values that verification records of one provider, or of assisted verification, can contain; for discovery.

    `kinds` maps types of evidence to their document, record or attestation types; `methods` are the check methods.
    """

    frameworks: frozenset[str]
    claims: frozenset[str]
    kinds: Mapping[EvidenceType, frozenset[str]]
    methods: frozenset[str]


def merge_capabilities(ways: Iterable[VerificationCapabilities]) -> VerificationCapabilities:
    """Union of several capabilities."""
    all_ways = tuple(ways)
    types = {kind for way in all_ways for kind in way.kinds}
    return VerificationCapabilities(
        frameworks=frozenset().union(*(way.frameworks for way in all_ways)),
        claims=frozenset().union(*(way.claims for way in all_ways)),
        kinds={kind: frozenset().union(*(way.kinds.get(kind, ()) for way in all_ways)) for kind in types},
        methods=frozenset().union(*(way.methods for way in all_ways)),
    )
