"""The level panel: what the evidence supports, and what is missing."""

from dataclasses import dataclass

from broker.assisted.case import Case
from broker.assisted.levels import Assessment, MissingRequirement, Requirement
from broker.assisted.profiles import Profiles
from broker.model.assurance import Level
from broker.web.shared.i18n import Language
from broker.web.shared.pages import in_language
from broker.web.staff.labels import LEVELS, level


@dataclass(frozen=True, slots=True)
class PathRow:
    """One profile that would reach the level, and what is missing."""

    profile: str
    lacks: str


@dataclass(frozen=True, slots=True)
class LevelPanel:
    """The panel of the level. `reached` is "" for none, `stopped` what a "no" ended."""

    required: str
    reached: str
    profile: str
    enough: bool
    stopped: tuple[str, ...]
    paths: tuple[PathRow, ...]


def level_shown(case: Case, assessment: Assessment, profiles: Profiles, words: Language) -> LevelPanel:
    """The panel of an assessment."""
    reached = assessment.level
    return LevelPanel(
        required=words.text(LEVELS[case.level]),
        reached=level(reached, words).capitalize(),
        profile=assessment.profile or "",
        enough=reached is not None and reached >= case.level,
        stopped=tuple(
            in_language(profiles.checks[name].text, words.code)
            for name in assessment.scores.stopped
            if name in profiles.checks
        ),
        paths=tuple(
            PathRow(way.profile, ", ".join(_lack(lack, words) for lack in way.lacks)) for way in assessment.ways
        ),
    )


def _lack(lack: MissingRequirement, words: Language) -> str:
    match lack.aspect:
        case Requirement.EVIDENCE if lack.piece is not None:
            text = words.text("a piece of strength {strength} and validity {validity}")
            return text.format(strength=lack.piece.strength, validity=lack.piece.validity)
        case Requirement.CHANNEL:
            text = words.text("another way to meet, since this one carries {level} at most")
            return text.format(level=words.text(LEVELS[Level(lack.have)]))
        case _:
            text = words.text("{aspect} {needed} (now {have})")
            aspect = {
                Requirement.EVIDENCE: words.text("evidence"),
                Requirement.ACTIVITY: words.text("activity"),
                Requirement.FRAUD: words.text("fraud"),
                Requirement.VERIFICATION: words.text("verification"),
            }[lack.aspect]
            return text.format(aspect=aspect, needed=lack.needed, have=lack.have)
