"""The level panel in words: what the evidence supports, the cheapest next step, and the scores folded away."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from broker.assisted.case import Case
from broker.assisted.case_records import Channel
from broker.assisted.levels import Assessment, MissingRequirement, Requirement
from broker.assisted.next_step import NextStep, best_level, next_step
from broker.assisted.profiles import Profiles
from broker.model.assurance import Level
from broker.model.staff import StaffMember
from broker.web.citizens.failure_texts import marked
from broker.web.shared.i18n import Language
from broker.web.shared.pages import in_language
from broker.web.staff.labels import CHANNELS, LEVELS, level

_MEANINGS: Mapping[Level, str] = MappingProxyType(
    {
        Level.LOW: marked("Low: it is plausible who the person is."),
        Level.SUBSTANTIAL: marked("Substantial: it is shown who the person is."),
        Level.HIGH: marked("High: it is shown beyond reasonable doubt who the person is."),
    }
)


@dataclass(frozen=True, slots=True)
class PathRow:
    """One profile that would reach the level, and what is missing."""

    profile: str
    lacks: str


@dataclass(frozen=True, slots=True)
class LevelPanel:
    """The panel of the level. `reached` says what is reached, "" for none; `stopped` is what a "no" ended.

    `steps` are the lines of the cheapest next step, which takes about `minutes`. `out_of_reach` says that this way of
    meeting cannot reach the level, and which ways can. `profile` and `paths` are the codes of the profile file.
    """

    required: str
    reached: str
    profile: str
    enough: bool
    stopped: tuple[str, ...]
    steps: tuple[str, ...]
    minutes: str
    out_of_reach: str
    paths: tuple[PathRow, ...]


def level_shown(
    case: Case, assessment: Assessment, profiles: Profiles, words: Language, reader: StaffMember
) -> LevelPanel:
    """The panel of an assessment, with the next step that the reader can take."""
    reached = assessment.level
    enough = reached is not None and reached >= case.level
    closed = "" if enough else out_of_reach(case, profiles, words)
    step = None if enough or closed else next_step(case, profiles, reader.skills)
    return LevelPanel(
        required=words.text(LEVELS[case.level]),
        reached="" if reached is None else words.text(_MEANINGS[reached]),
        profile=assessment.profile or "",
        enough=enough,
        stopped=_questions(assessment.scores.stopped, profiles, words),
        steps=() if step is None else tuple(_step_lines(step, profiles, words)),
        minutes="" if step is None else words.ngettext("about {n} minute", "about {n} minutes", step.minutes),
        out_of_reach=closed,
        paths=tuple(
            PathRow(way.profile, ", ".join(_lack(lack, words) for lack in way.lacks)) for way in assessment.ways
        ),
    )


def out_of_reach(case: Case, profiles: Profiles, words: Language) -> str:
    """That the channel of the case cannot reach its level whatever is shown, and which can; "" if it can."""
    if case.channel is None or best_level(case.channel, profiles) >= case.level:
        return ""
    able = [words.text(CHANNELS[one]) for one in Channel if best_level(one, profiles) >= case.level]
    text = words.text("This way of meeting cannot reach it, whatever is shown: it carries {level} at most.")
    said = text.format(level=level(best_level(case.channel, profiles), words))
    return f"{said} {words.text('It can be reached: {ways}.').format(ways='; '.join(able))}" if able else said


def _questions(names: Iterable[str], profiles: Profiles, words: Language) -> tuple[str, ...]:
    return tuple(in_language(profiles.checks[name].text, words.code) for name in names if name in profiles.checks)


def _step_lines(step: NextStep, profiles: Profiles, words: Language) -> Iterable[str]:
    """One line for each piece of evidence, and one for the checks of the person."""
    for piece in step.pieces:
        kind = in_language(profiles.kinds[piece.kind].text, words.code)
        text = words.text("{kind}: {checks}") if piece.id else words.text("{kind}, which is not recorded yet: {checks}")
        yield text.format(kind=kind, checks="; ".join(_questions(piece.checks, profiles, words)))
    if step.person:
        text = words.text("Checks of the person: {checks}")
        yield text.format(checks="; ".join(_questions(step.person, profiles, words)))


def _lack(lack: MissingRequirement, words: Language) -> str:
    match lack.aspect:
        case Requirement.EVIDENCE if lack.piece is not None:
            text = words.text("a piece of strength {strength} and validity {validity}")
            return text.format(strength=lack.piece.strength, validity=lack.piece.validity)
        case Requirement.CHANNEL:
            text = words.text("another way to meet, since this one carries {level} at most")
            return text.format(level=words.text(LEVELS[Level(lack.have)]))
        case Requirement.ALWAYS:
            return words.text("a check that every level needs")
        case _:
            text = words.text("{aspect} {needed} (now {have})")
            aspect = {
                Requirement.EVIDENCE: words.text("evidence"),
                Requirement.ACTIVITY: words.text("activity"),
                Requirement.FRAUD: words.text("fraud"),
                Requirement.VERIFICATION: words.text("verification"),
            }[lack.aspect]
            return text.format(aspect=aspect, needed=lack.needed, have=lack.have)
