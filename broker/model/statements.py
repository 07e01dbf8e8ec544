"""Public statements: who is responsible for personal data, known gaps in accessibility, and changes of policy.

The operator writes them into broker.toml; the product brings gaps and changes of its own. Texts are by language.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from broker.platform.toml_loader import Instant

Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PrivacySettings:
    """The privacy notice (`/privacy`; GDPR articles 13 and 14). How long data is kept follows from the other settings,
    and what each service may get from its file."""

    controller: Texts = field(default_factory=dict)
    """The controller, with its postal address, by language."""
    contact: str | None = None
    """The email address of the data protection officer."""
    ground: Texts = field(default_factory=dict)
    """The legal ground of the processing, by language, such as the act that gives the task."""
    regulator: Texts = field(default_factory=dict)
    """The supervisory authority at which citizens can complain, by language."""
    regulator_url: str | None = None
    """The page on which they do."""


@dataclass(frozen=True, slots=True)
class AccessibilitySettings:
    """The accessibility statement (`/accessibility`)."""

    tested: Instant | None = None
    """The day of your last test of your own pages and providers. Left out: that of the product's tests."""
    gaps: tuple[Texts, ...] = ()
    """What does not work for everybody, and what to do instead, by language; in addition to what the product lists."""


class PolicySubject(StrEnum):
    """What a change of policy is about."""

    PROFILES = "profiles"
    """What evidence is worth."""
    LEVELS = "levels"
    """The levels of assurance."""
    PRESETS = "presets"
    """What is known of providers."""
    PROVIDERS = "providers"
    """Which providers are offered."""
    OTHER = "other"
    """Anything else."""


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """A change of policy, for everybody to read (`/decisions`)."""

    day: Instant
    """The day from which on it applies."""
    what: Texts
    """What changed, by language."""
    why: Texts
    """Why, by language."""
    about: PolicySubject = PolicySubject.OTHER
    """What it is about: "profiles", "levels", "presets", "providers" or "other"."""
    version: str | None = None
    """The version that began, if there are versions."""


class KeptKind(StrEnum):
    """What the privacy notice says the time of."""

    SIGNED_IN = "signed_in"
    ACCESS = "access"
    ENDED = "ended"
    FAILED = "failed"
    HELP = "help"
    FILES = "files"
    APPOINTMENTS = "appointments"
    MESSAGES = "messages"
    PASSKEYS = "passkeys"
    FEEDBACK = "feedback"
    PUBLISHED_FEEDBACK = "published_feedback"


@dataclass(frozen=True, slots=True)
class Policy:
    """What applies now: the version of the evidence profiles, whether they are the operator's own, the name in `acr` of
    each level from the lowest on, and the presets in use.
    """

    version: str
    own: bool = False
    levels: tuple[str, ...] = ()
    presets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statements:
    """The statements of one installation. `kept` are the longest times in seconds."""

    privacy: PrivacySettings
    accessibility: AccessibilitySettings
    decisions: tuple[PolicyChange, ...]
    kept: Mapping[KeptKind, int]
    policy: Policy
