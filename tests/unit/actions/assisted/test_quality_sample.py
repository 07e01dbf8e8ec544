"""Quality sample and made-up cases through the actions: the draw, score sheets, and what nobody outside learns."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from broker.actions.assisted.reports import Reports, count_new, lead_report, open_data
from broker.actions.assisted.staff_results import ActionRefused
from broker.actions.quality.disagreement import AgentDisagreement, as_csv
from broker.actions.quality.exercises import MOST, Calibration
from broker.actions.quality.samples import Quality, QualityView
from broker.assisted.calibration import Exercise, check_name, made_up_cases
from broker.assisted.case_records import Decision
from broker.assisted.case_row import CaseFilter, CaseOrder
from broker.assisted.case_states import CaseState
from broker.assisted.quality import QualitySample, sheet_form
from broker.model.staff import StaffRole
from tests.unit.actions.assisted.case_harness import ANN, BEN, LEA, PAT, TIM, UMA, Stage, had, member

pytestmark = pytest.mark.store
ALL_MET: Mapping[str, str] = dict.fromkeys(sheet_form().sections, "met")
CARA = member("cara", StaffRole.AGENT)


@pytest.fixture
def drawing(stage: Stage) -> Stage:
    """A stage on which every decision is drawn."""
    rules = stage.context.rules
    every = replace(stage.context, rules=replace(rules, policy=replace(rules.policy, quality_sample=1.0)))
    cases = replace(stage.citizen_cases, context=every)
    return replace(
        stage,
        context=every,
        citizen_cases=cases,
        citizen=replace(stage.citizen, cases=cases),
        console=replace(stage.console, context=every),
    )


async def decided(stage: Stage, decision: Decision = Decision.APPROVE) -> QualitySample:
    """A case that Ann decided, drawn."""
    handle = await stage.arrives()
    await stage.asks(handle)
    f = await stage.session(ANN)
    reasons = () if decision is Decision.APPROVE else ("evidence_expired",)
    had(await stage.console.decide(stage.present(ANN), f.ref, decision, reasons))
    [sample] = await stage.facts.quality.open_samples(stage.clock.now(), 10)
    return sample


@pytest.mark.parametrize("decision", [Decision.APPROVE, Decision.DECLINE])
async def test_a_drawn_decision_is_written_with_the_case_and_its_audit_row(drawing: Stage, decision: Decision) -> None:
    sample = await decided(drawing, decision)
    assert (sample.agent, sample.decision, sample.scored) == ("ann", decision.value, None)
    [row] = await drawing.audit("quality_drawn")
    assert (row.case, row.actor, row.details["agent"]) == (sample.case, "broker", "ann")


async def test_without_a_share_nothing_is_drawn(stage: Stage) -> None:
    rules = stage.context.rules
    context = replace(stage.context, rules=replace(rules, policy=replace(rules.policy, quality_sample=0.0)))
    await stage.asks(await stage.arrives())
    quiet = replace(stage, context=context, console=replace(stage.console, context=context))
    await quiet.approves()
    assert await stage.facts.quality.open_samples(stage.clock.now(), 10) == []


async def test_nobody_with_a_part_in_the_case_fills_its_score_sheet(drawing: Stage) -> None:
    sample = await decided(drawing)
    quality = Quality(drawing.context)
    for who in (ANN, TIM, CARA, PAT, UMA):
        present = drawing.present(who)
        assert await quality.look(present, sample.id) is ActionRefused.NOT_ALLOWED, who.id
        assert await quality.fill(present, sample.id, ALL_MET, "") is ActionRefused.NOT_ALLOWED, who.id
    mine = await quality.overview(drawing.present(ANN))
    assert isinstance(mine, QualityView)
    assert mine.waiting == ()
    assert await quality.overview(drawing.present(CARA)) is ActionRefused.NOT_ALLOWED
    assert await drawing.audit("quality_looked") == []


async def test_a_second_person_scores_and_the_lead_and_the_agent_read_it(drawing: Stage) -> None:
    sample = await decided(drawing)
    quality, ben, lea = Quality(drawing.context), drawing.present(BEN), drawing.present(LEA)
    look = await quality.look(ben, sample.id)
    assert not isinstance(look, ActionRefused)
    assert look[1].details.claims["given_name"] == "Ada"
    [seen] = await drawing.audit("quality_looked")
    assert (seen.actor, seen.case) == ("staff:ben", sample.case)
    assert await quality.fill(ben, sample.id, {**ALL_MET, "notes": ""}, "") is ActionRefused.REASON
    assert await quality.fill(ben, sample.id, ALL_MET, "the code was 493027") is ActionRefused.NOTE
    answers = {**ALL_MET, "details": "not_met"}
    filled = await quality.fill(ben, sample.id, answers, "Write the second name, too.")
    assert isinstance(filled, QualitySample)
    assert filled.score == 85
    again = await quality.fill(lea, sample.id, ALL_MET, "")
    assert again is ActionRefused.UNKNOWN
    [scored] = await drawing.audit("quality_scored")
    assert (scored.actor, scored.details["score"]) == ("staff:ben", "85")
    view = await quality.overview(lea)
    assert isinstance(view, QualityView)
    assert view.counts is not None
    assert (view.counts.drawn, view.counts.scored, view.counts.missed) == (1, 1, 0)
    [score] = view.scores
    assert (score.agent, score.sheets, score.average, score.sections["details"]) == ("ann", 1, 85, 0)
    assert [(one.scorer, one.rests_on) for one in view.sheets] == [("ben", None)]
    [told] = await quality.feedback(drawing.present(ANN))
    assert told.sheet is not None
    assert (told.scorer, told.score, told.sheet.remark) == (None, 85, "Write the second name, too.")
    assert list(await quality.feedback(drawing.present(CARA))) == []


async def test_a_sheet_can_be_filled_after_the_case_lost_its_personal_data_until_its_time_is_over(
    drawing: Stage,
) -> None:
    sample = await decided(drawing)
    drawing.clock.advance(6 * 86400)
    quality, lea = Quality(drawing.context), drawing.present(LEA)
    look = await quality.look(lea, sample.id)
    assert not isinstance(look, ActionRefused)
    assert look[1].details.claims["given_name"] == "Ada"
    stored = await drawing.facts.cases.load(sample.case)
    assert stored is not None
    assert (stored.state, stored.details.claims) == (CaseState.EXPIRED, {})
    drawing.clock.advance(86400)
    lea = drawing.present(LEA)
    assert await quality.look(lea, sample.id) is ActionRefused.UNKNOWN
    assert await quality.fill(lea, sample.id, ALL_MET, "") is ActionRefused.UNKNOWN
    await drawing.facts.sweep(drawing.clock.now())
    left = await drawing.facts.quality.sample(sample.id)
    assert left is not None
    assert left.rests_on is None
    view = await quality.overview(lea)
    assert isinstance(view, QualityView)
    assert view.counts is not None
    assert view.counts.missed == 1


# --- disagreement by agent ---


async def test_the_lead_reads_by_agent_how_often_score_sheets_and_expected_answers_differ(drawing: Stage) -> None:
    sample = await decided(drawing)
    quality, ben, lea = Quality(drawing.context), drawing.present(BEN), drawing.present(LEA)
    await quality.fill(ben, sample.id, {**ALL_MET, "decision": "partly"}, "")
    calibration, ann = Calibration(drawing.context), drawing.present(ANN)
    for exercise in await given(drawing, 2):
        decision, _, checks = right(exercise)
        wrong = Decision.APPROVE if decision is not Decision.APPROVE else Decision.DECLINE
        await calibration.answer(ann, exercise.id, wrong, REASONS[wrong], checks)
    rows = await quality.disagreement(lea)
    assert not isinstance(rows, ActionRefused)
    [row] = rows
    approved = sum(made_up_cases().cases[one.item].decision is not Decision.APPROVE for one in await answered(drawing))
    assert row == AgentDisagreement("ann", 1, 0, 1, 2, 2, approved)
    view = await quality.overview(lea)
    assert isinstance(view, QualityView)
    assert view.disagreement == (row,)
    assert await quality.disagreement(ben) is ActionRefused.NOT_ALLOWED
    assert as_csv(rows) == "agent,sheets,decision_not_met,made_up,unexpected\r\nann,,,,\r\n"


def test_a_file_leaves_small_numbers_out_and_rounds_the_others() -> None:
    rows = (AgentDisagreement("bo", 43, 8, 4, 9, 9, 0), AgentDisagreement("al", 12, 2, 0, 30, 11, 3))
    assert as_csv(rows).splitlines()[1:] == ["al,10,,30,10", "bo,45,10,,"]


REASONS: Mapping[Decision, tuple[str, ...]] = {Decision.APPROVE: (), Decision.DECLINE: ("face_differs",)}


async def answered(stage: Stage) -> list[Exercise]:
    """The made-up cases that were answered."""
    return list(await stage.facts.quality.answered(0, 100))


# --- made-up cases ---


async def given(stage: Stage, count: int = 1) -> list[Exercise]:
    """Made-up cases that the lead gave to Ann."""
    assert await Calibration(stage.context).give(stage.present(LEA), ANN, count) == count
    return list(await stage.facts.quality.waiting_exercises("ann"))


def right(exercise: Exercise) -> tuple[Decision, tuple[str, ...], dict[str, str]]:
    """The right answer of a made-up case."""
    case = made_up_cases().cases[exercise.item]
    checks = {
        check_name(place, check): outcome
        for place, one in enumerate(case.evidence)
        for check, outcome in one.checks.items()
    }
    return case.decision, case.reasons[:1], dict(checks)


async def test_a_made_up_case_comes_first_and_is_answered_once(stage: Stage) -> None:
    [exercise] = await given(stage)
    calibration, ann = Calibration(stage.context), stage.present(ANN)
    assert await calibration.next(ann) == exercise
    assert await calibration.next(stage.present(BEN)) is None
    for other in (BEN, LEA):
        assert await calibration.look(stage.present(other), exercise.id) is ActionRefused.UNKNOWN
    decision, reasons, checks = right(exercise)
    assert await calibration.answer(ann, exercise.id, decision, reasons, {}) is ActionRefused.REASON
    assert await calibration.answer(ann, exercise.id, Decision.APPROVE, ("doubt",), checks) is ActionRefused.REASON
    assert await calibration.answer(ann, exercise.id, Decision.DECLINE, (), checks) is ActionRefused.REASON
    done = await calibration.answer(ann, exercise.id, decision, reasons, checks)
    assert isinstance(done, Exercise)
    assert done.answer is not None
    assert done.answer.right
    assert await calibration.answer(ann, exercise.id, decision, reasons, checks) is ActionRefused.CONFLICT
    assert await calibration.next(ann) is None
    assert not isinstance(await calibration.look(stage.present(LEA), exercise.id), ActionRefused)
    [row] = await stage.audit("calibration_answered")
    assert (row.actor, row.case, row.details["right"]) == ("staff:ann", None, "true")
    view = await calibration.overview(stage.present(LEA))
    assert not isinstance(view, ActionRefused)
    assert view.members["ann"].right == 1
    assert set(view.kinds) == {one.kind for one in made_up_cases().cases[exercise.item].evidence}


async def test_leads_give_made_up_cases_to_agents_and_agents_ask_for_their_own(stage: Stage) -> None:
    calibration = Calibration(stage.context)
    assert await calibration.give(stage.present(BEN), ANN, 1) is ActionRefused.NOT_ALLOWED
    assert await calibration.give(stage.present(LEA), UMA, 1) is ActionRefused.NOT_ALLOWED
    assert await calibration.give(stage.present(PAT), PAT, 1) is ActionRefused.NOT_ALLOWED
    assert await calibration.give(stage.present(TIM), TIM, 1) == 1
    assert await calibration.give(stage.present(LEA), TIM, MOST) == MOST - 1
    assert await calibration.give(stage.present(LEA), TIM, 1) is ActionRefused.NOTHING
    assert len({one.item for one in await stage.facts.quality.waiting_exercises("tim")}) == MOST
    assert len(await stage.audit("calibration_given")) == 2


async def test_no_citizen_service_list_measure_or_open_data_knows_of_a_made_up_case(stage: Stage) -> None:
    exercises = await given(stage, MOST)
    calibration, ann = Calibration(stage.context), stage.present(ANN)
    for exercise in exercises:
        await calibration.answer(ann, exercise.id, *right(exercise))
    stage.clock.advance(60 * 86400)
    reports = Reports(stage.facts.measures, stage.context.system)
    await stage.facts.audit_chain.seal_once()
    await count_new(reports)
    assert await lead_report(reports, 365) == ()
    assert await open_data(reports) == ()
    assert (await stage.facts.case_lists.page(CaseFilter(), CaseOrder.OLDEST, None, 10)).rows == ()
    counts = await stage.facts.case_lists.counts()
    assert (counts.queued, counts.reviews, counts.oldest) == (0, 0, None)
    assert await stage.sent() == []
    assert [event for event in await stage.audit() if event.case or event.client_id or event.transaction] == []
