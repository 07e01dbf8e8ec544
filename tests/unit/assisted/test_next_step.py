"""Cheapest next step: what it asks for reaches the level, and a channel that cannot carry the level offers none."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.assisted.case import Case
from broker.assisted.case_records import Channel, CheckOutcome, CheckRecord, EvidenceRecord
from broker.assisted.levels import assess
from broker.assisted.next_step import NextStep, PieceStep, best_level, next_step
from broker.assisted.profiles import default_profiles
from broker.model.assurance import Level
from tests.unit.assisted.cases import AGENT, NOW
from tests.unit.assisted.test_levels import FRAUD, GOOD, case_with, recorded

PROFILES = default_profiles()
TRAINED = ("chip", "light")


def taken(case: Case, step: NextStep) -> Case:
    """The case with every check of the step answered with yes."""
    yes = {name: CheckRecord(name, CheckOutcome.YES, AGENT, NOW) for name in step.person}
    checks = {check.check: check for check in case.checks} | yes
    pieces = {one.id: one for one in case.evidence}
    for number, piece in enumerate(step.pieces):
        done = tuple(CheckRecord(name, CheckOutcome.YES, AGENT, NOW) for name in piece.checks)
        before = pieces.get(piece.id)
        known = () if before is None else tuple(c for c in before.checks if c.check not in piece.checks)
        kind = PROFILES.kinds[piece.kind]
        made = EvidenceRecord(piece.id or f"new{number}", piece.kind, kind.type, AGENT, NOW, {}, (*known, *done))
        pieces[made.id] = made
    return replace(case, checks=tuple(checks.values()), evidence=tuple(pieces.values()))


@pytest.mark.parametrize(
    ("channel", "person", "evidence", "step"),
    [
        # a passport by video, with everything but the checks of the person
        (
            Channel.VIDEO,
            "",
            {"passport": GOOD},
            NextStep("M1B", 7, (), ("active_months", "not_deceased", "not_reported")),
        ),
        # the face alone is missing
        (
            Channel.VIDEO,
            f"{FRAUD} not_deceased active_months",
            {"passport": "seen valid features details_match"},
            NextStep("M1B", 2, (PieceStep("passport", "passport", ("face",)),), ()),
        ),
        # nothing is recorded: the shortest way begins with a document
        (
            Channel.IN_PERSON,
            "",
            {},
            NextStep(
                "M1A",
                13,
                (PieceStep("", "passport", ("seen", "valid", "chip", "details_match", "face")),),
                ("not_reported",),
            ),
        ),
    ],
)
def test_the_cheapest_step_is_named(channel: Channel, person: str, evidence: dict[str, str], step: NextStep) -> None:
    assert next_step(case_with(channel, person, **evidence), PROFILES, TRAINED) == step


@pytest.mark.parametrize(
    ("channel", "level", "reachable"),
    [
        (Channel.PHONE, Level.LOW, True),
        (Channel.PHONE, Level.SUBSTANTIAL, False),
        (Channel.PHONE_AND_POST, Level.SUBSTANTIAL, False),
        (Channel.VIDEO, Level.SUBSTANTIAL, True),
        (Channel.VIDEO, Level.HIGH, False),
        (Channel.IN_PERSON, Level.HIGH, True),
    ],
)
def test_a_channel_that_cannot_carry_the_level_is_known_before_anything_is_recorded(
    channel: Channel, level: Level, *, reachable: bool
) -> None:
    assert (best_level(channel, PROFILES) >= level) is reachable
    assert (next_step(case_with(channel, level=level), PROFILES, TRAINED) is not None) is reachable


def test_a_check_without_the_training_for_it_is_no_part_of_a_way() -> None:
    case = case_with(Channel.IN_PERSON, level=Level.HIGH)
    assert next_step(case, PROFILES) is None
    substantial = next_step(replace(case, level=Level.SUBSTANTIAL), PROFILES)
    assert substantial is not None
    assert all("chip" not in piece.checks for piece in substantial.pieces)


def test_a_check_of_the_person_that_stops_leaves_no_way() -> None:
    assert next_step(case_with(Channel.VIDEO, "-not_reported", passport=GOOD), PROFILES) is None


def test_an_expired_document_is_no_part_of_a_way() -> None:
    case = case_with(Channel.VIDEO, f"{FRAUD} not_deceased active_months")
    case = replace(case, evidence=(recorded("passport", GOOD, expires="2020-01-01"),))
    step = next_step(case, PROFILES)
    assert step is not None
    assert all(piece.kind != "passport" for piece in step.pieces)


KINDS = [name for name, kind in PROFILES.kinds.items() if kind.by_staff]
OUTCOMES = st.sampled_from(["", "", "-", "?"])


@given(
    st.sampled_from(list(Channel)),
    st.sampled_from(list(Level)),
    st.dictionaries(st.sampled_from(KINDS), st.sets(st.integers(0, 7)), max_size=2),
    st.lists(OUTCOMES, min_size=5, max_size=5),
    st.sets(st.integers(0, 4)),
)
def test_a_step_that_is_taken_reaches_the_level(
    channel: Channel, level: Level, pieces: dict[str, set[int]], signs: list[str], asked: set[int]
) -> None:
    evidence = {
        kind: " ".join(name for at, name in enumerate(PROFILES.kinds[kind].checks) if at in picked)
        for kind, picked in pieces.items()
    }
    person = " ".join(f"{signs[at]}{name}" for at, name in enumerate(PROFILES.person) if at in asked)
    case = case_with(channel, person, level, **evidence)
    step = next_step(case, PROFILES, TRAINED)
    if step is None:
        return
    reached = assess(taken(case, step), PROFILES).level
    assert reached is not None
    assert reached >= level
