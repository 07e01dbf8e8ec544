"""Calibration: made-up cases with known answers, by which members of staff find out if they judge alike.

A made-up case is data, and never a `Case` in a store: no citizen, no service, no measure and no open data knows of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from broker.assisted.case_records import CheckOutcome, Decision
from broker.assisted.guide import Texts, read_guide
from broker.assisted.profiles import Profiles
from broker.assisted.reasons import DECISION_REASONS, valid_for
from broker.model.assurance import Level
from broker.model.evidence_file import FilePurpose
from broker.model.json_types import JsonObject
from broker.platform.toml_loader import Problem, load


@dataclass(frozen=True, slots=True)
class MadeUpImage:
    """A made-up photograph: a JPEG file, named from the folder of the made-up cases, and what it shows."""

    file: Path
    shows: FilePurpose


@dataclass(frozen=True, slots=True)
class MadeUpEvidence:
    """A piece of evidence of a made-up case: its kind in the profile file, what is written on it, what can be seen, the
    right answer to each check, and photographs.
    """

    kind: str
    seen: Texts
    checks: Mapping[str, CheckOutcome]
    fields: Mapping[str, str] = field(default_factory=dict)
    images: tuple[MadeUpImage, ...] = ()


@dataclass(frozen=True, slots=True)
class MadeUpCase:
    """A made-up case with the decision that is right, and the reasons of which one at least is given for it."""

    level: Level
    story: Texts
    details: Mapping[str, str]
    decision: Decision
    because: Texts
    evidence: tuple[MadeUpEvidence, ...]
    reasons: tuple[str, ...] = ()

    def images(self, place: int) -> tuple[MadeUpImage, ...]:
        """The photographs of the evidence at a place; none if there is no such place."""
        return self.evidence[place].images if 0 <= place < len(self.evidence) else ()


@dataclass(frozen=True, slots=True)
class MadeUpCases:
    """The made-up cases by name."""

    version: str
    cases: Mapping[str, MadeUpCase]


@dataclass(frozen=True, slots=True)
class ExerciseAnswer:
    """What a member of staff answered in a made-up case, and how it compares with what is right.

    `checks` are the answers by place of the evidence and name of the check, joined by a dot (`check_name`). `kinds`
    counts by kind of evidence how many checks were answered right, and how many there are.
    """

    decision: Decision
    reasons: tuple[str, ...]
    checks: Mapping[str, str]
    right: bool
    kinds: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Exercise:
    """A made-up case that a member of staff is given.

    `item` is its name, `asked_by` who asked for it. Times are seconds since 1970 UTC.
    """

    id: str
    member: str
    item: str
    asked_by: str
    asked: float
    answered: float | None = None
    answer: ExerciseAnswer | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many answers were as expected, of how many."""

    right: int
    all: int


@cache
def made_up_cases() -> MadeUpCases:
    """The made-up cases of the package. Raises ValueError if the file is invalid."""
    return read_guide("calibration.toml", MadeUpCases)


def read_cases(table: JsonObject, base: Path) -> tuple[MadeUpCases | None, list[Problem]]:
    """The made-up cases of a parsed file in folder `base`, or every problem with its path in the file."""
    found, problems = load(table, MadeUpCases, base=base)
    if found is None or problems:
        return None, problems
    return found, [problem for name, case in found.cases.items() for problem in _reason_problems(name, case)]


def _reason_problems(name: str, case: MadeUpCase) -> Iterator[Problem]:
    """Finds an expected answer that staff cannot give."""
    occasion = DECISION_REASONS.get(case.decision)
    if (occasion is None) != (not case.reasons) or (occasion is not None and not valid_for(occasion, *case.reasons)):
        fix = "name reasons that are listed for this decision; an approval has none"
        yield Problem(f"cases.{name}.reasons", "staff cannot give these reasons with this decision", fix)


def unfit_evidence(case: MadeUpCase, profiles: Profiles) -> Iterator[str]:
    """What a made-up case names that the profile file does not know: kinds of evidence, their checks and fields."""
    for one in case.evidence:
        kind = profiles.kinds.get(one.kind)
        if kind is None:
            yield one.kind
        else:
            yield from sorted({*one.checks} - {*kind.checks} | {*one.fields} - {*kind.fields})


def check_name(place: int, check: str) -> str:
    """The name of a check of the evidence at a place of a made-up case."""
    return f"{place}.{check}"


def compare(
    case: MadeUpCase, decision: Decision, reasons: Sequence[str], checks: Mapping[str, str]
) -> ExerciseAnswer | None:
    """Compares an answer with what is right; None if a check has no answer."""
    asked = {check_name(place, check) for place, one in enumerate(case.evidence) for check in one.checks}
    if not asked <= set(checks) or not {checks[name] for name in asked} <= set(CheckOutcome):
        return None
    kinds: dict[str, tuple[int, int]] = {}
    for place, one in enumerate(case.evidence):
        right = sum(checks[check_name(place, check)] == outcome for check, outcome in one.checks.items())
        had = kinds.get(one.kind, (0, 0))
        kinds[one.kind] = (had[0] + right, had[1] + len(one.checks))
    agrees = decision is case.decision and (not case.reasons or not set(reasons).isdisjoint(case.reasons))
    return ExerciseAnswer(decision, tuple(reasons), {name: checks[name] for name in asked}, agrees, kinds)


def by_member(answered: Sequence[Exercise]) -> Mapping[str, Agreement]:
    """The decisions of each member of staff."""
    found: dict[str, Agreement] = {}
    for one in answered:
        if one.answer is not None:
            had = found.get(one.member, Agreement(0, 0))
            found[one.member] = Agreement(had.right + one.answer.right, had.all + 1)
    return found


def by_kind(answered: Sequence[Exercise]) -> Mapping[str, Agreement]:
    """The checks of each kind of evidence."""
    found: dict[str, Agreement] = {}
    for one in answered:
        for kind, (right, every) in () if one.answer is None else one.answer.kinds.items():
            had = found.get(kind, Agreement(0, 0))
            found[kind] = Agreement(had.right + right, had.all + every)
    return found


def next_items(names: Sequence[str], before: Sequence[str], count: int, start: int) -> list[str]:
    """Which made-up cases a member of staff gets next: those that they had least often, from a drawn place on."""
    turned = [*names[start % len(names) :], *names[: start % len(names)]]
    return sorted(turned, key=list(before).count)[:count]
