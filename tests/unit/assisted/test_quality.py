"""Quality sample and calibration: the draw, the score of a sheet, what a sample keeps, and how answers compare."""

import hashlib
from dataclasses import replace

import pytest

from broker.assisted import events as ev
from broker.assisted.calibration import (
    Agreement,
    Exercise,
    by_kind,
    by_member,
    check_name,
    compare,
    made_up_cases,
    next_items,
)
from broker.assisted.case_records import CheckOutcome, Decision
from broker.assisted.profiles import default_profiles
from broker.assisted.quality import Mark, drawn, may_score, new_decision, sample, score, sheet_form
from broker.assisted.reasons import REASONS, ReasonContext
from broker.model.evidence_file import FilePurpose
from tests.unit.assisted.cases import AGENT, LEAD, NOW, PONDER, REVIEW, REVIEWER, verdict, walked

CASES = made_up_cases().cases
OCCASIONS = {
    Decision.MORE_EVIDENCE: ReasonContext.MORE_EVIDENCE,
    Decision.DECLINE: ReasonContext.DECLINE,
    Decision.REFER: ReasonContext.REFER,
}


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_the_keyed_draw_takes_the_share_of_decisions(share: float) -> None:
    marks = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(4000)]
    assert sum(drawn(mark, share) for mark in marks) / 4000 == pytest.approx(share, abs=0.03)
    assert [drawn(mark, share) for mark in marks] == [drawn(mark, share) for mark in marks]


def test_a_decision_is_drawn_when_it_takes_effect_and_no_other_move_is() -> None:
    ready = walked(*PONDER)
    approved = walked(ev.Decided(verdict()), case=ready)
    declined = walked(ev.Decided(verdict(Decision.DECLINE)), case=ready)
    more = walked(ev.Decided(verdict(Decision.MORE_EVIDENCE)), case=ready)
    assert new_decision(ready, approved) == approved.verdict
    assert new_decision(ready, declined) == declined.verdict
    assert new_decision(ready, more) is None
    assert new_decision(approved, approved) is None
    waiting = walked(*REVIEW)
    assert new_decision(walked(*PONDER), waiting) is None


def test_a_sample_keeps_what_the_decision_rests_on_and_not_how_the_citizen_is_reached() -> None:
    case = walked(*PONDER, ev.Decided(verdict()))
    made = sample(case, verdict(), "ab" * 32, NOW, 3600)
    assert (made.agent, made.decision, made.expires) == (AGENT, "approve", NOW + 3600)
    kept = made.rests_on
    assert kept is not None
    assert (kept.evidence, kept.details, kept.checks) == (case.evidence, case.details, case.checks)
    assert kept.contact is None
    assert kept.phrase.first == ""
    assert kept.passkey is None


def test_only_staff_without_a_part_in_the_case_may_score_it() -> None:
    case = replace(walked(*REVIEW, ev.ReviewClaimed(REVIEWER)), requester="clerk-1", conflicts_of_interest=("kin-1",))
    reviewed = walked(ev.Held(LEAD, "doubt"), case=case)
    for who in (AGENT, "clerk-1", "kin-1"):
        assert not may_score(reviewed, who), who
    assert may_score(reviewed, "agent-8")


def marks(mark: Mark, **other: Mark) -> dict[str, str]:
    """The same answer to every section but some."""
    return {name: other.get(name, mark).value for name in sheet_form().sections}


def test_the_score_of_a_sheet_is_weighted_and_leaves_out_what_does_not_apply() -> None:
    form = sheet_form()
    total = sum(one.weight for one in form.sections.values())
    assert score(form, marks(Mark.MET)) == 100
    assert score(form, marks(Mark.PARTLY)) == 50
    assert score(form, marks(Mark.MET, evidence=Mark.NOT_MET)) == round(100 * (total - 30) / total)
    assert score(form, marks(Mark.NOT_APPLICABLE, details=Mark.MET)) == 100
    assert score(form, marks(Mark.NOT_APPLICABLE)) is None


def test_a_critical_section_that_is_not_met_makes_the_score_zero() -> None:
    assert score(sheet_form(), marks(Mark.MET, decision=Mark.NOT_MET)) == 0


@pytest.mark.parametrize("wrong", [{}, {"contact": "met"}, {**marks(Mark.MET), "more": "met"}])
def test_a_sheet_with_a_missing_or_unknown_section_has_no_score(wrong: dict[str, str]) -> None:
    assert score(sheet_form(), wrong) is None
    assert score(sheet_form(), {**marks(Mark.MET), "notes": "perfect"}) is None


@pytest.mark.parametrize("name", CASES)
def test_a_made_up_case_has_checks_fields_and_reasons_that_staff_can_give(name: str) -> None:
    case, profiles = CASES[name], default_profiles()
    for one in case.evidence:
        kind = profiles.kinds[one.kind]
        assert set(one.checks) <= set(kind.checks)
        assert set(one.fields) <= set(kind.fields)
    occasion = OCCASIONS.get(case.decision)
    assert set(case.reasons) <= (set(REASONS[occasion]) if occasion else set())
    assert bool(case.reasons) == (occasion is not None)
    for texts in (case.story, case.because, *(one.seen for one in case.evidence)):
        assert set(texts) == {"en", "cy"}


def test_packaged_photographs_are_small_jpegs_of_the_evidence_that_names_them() -> None:
    images = [image for case in CASES.values() for place in range(9) for image in case.images(place)]
    assert {image.shows for image in images} == {FilePurpose.FRONT, FilePurpose.PERSON}
    for image in images:
        content = image.file.read_bytes()
        assert content.startswith(b"\xff\xd8\xff")
        assert len(content) < 50_000
    assert CASES["another_face"].images(-1) == ()


def right(name: str) -> dict[str, str]:
    """The right answers to the checks of a made-up case."""
    evidence = enumerate(CASES[name].evidence)
    return {check_name(place, check): outcome for place, one in evidence for check, outcome in one.checks.items()}


def test_answers_are_compared_by_decision_reason_and_kind_of_evidence() -> None:
    case, answers = CASES["blurred_photographs"], right("blurred_photographs")
    good = compare(case, Decision.MORE_EVIDENCE, ("evidence_unreadable",), answers)
    assert good is not None
    assert (good.right, good.kinds) == (True, {"driving_licence": (5, 5), "birth_certificate": (3, 3)})
    guessed = compare(
        case, Decision.MORE_EVIDENCE, ("evidence_missing",), {**answers, check_name(0, "face"): CheckOutcome.YES}
    )
    assert guessed is not None
    assert (guessed.right, guessed.kinds["driving_licence"]) == (False, (4, 5))
    other = compare(case, Decision.DECLINE, ("evidence_unreadable",), answers)
    assert other is not None
    assert not other.right
    assert compare(case, Decision.APPROVE, (), {}) is None
    assert compare(case, Decision.APPROVE, (), {**answers, check_name(0, "seen"): "maybe"}) is None


def test_agreement_is_summed_by_member_of_staff_and_by_kind() -> None:
    case = CASES["good_passport"]
    yes = compare(case, Decision.APPROVE, (), right("good_passport"))
    no = compare(case, Decision.DECLINE, ("face_differs",), {**right("good_passport"), "0.face": "no"})
    given = [
        Exercise(str(n), who, "good_passport", "lead", NOW, NOW, answer)
        for n, (who, answer) in enumerate((("a", yes), ("a", no), ("b", no), ("b", None)))
    ]
    assert by_member(given) == {"a": Agreement(1, 2), "b": Agreement(0, 1)}
    assert by_kind(given) == {"passport": Agreement(5 + 4 + 4, 15)}


def test_each_made_up_case_comes_once_before_one_comes_again() -> None:
    names, had = sorted(CASES), list[str]()
    for start in range(2 * len(names)):
        had += next_items(names, had, 1, start * 7)
    assert {name: had.count(name) for name in names} == dict.fromkeys(names, 2)
    assert len(set(next_items(names, (), 5, 3))) == 5
