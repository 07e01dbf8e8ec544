"""Actions of staff: decisions, reviews, leads, and required roles."""

from dataclasses import replace

import pytest

from broker.actions.assisted.staff_results import ActionRefused, CaseRef, CaseRole, StaffAction
from broker.actions.freezing.freeze import revoke
from broker.assisted.case_records import Channel, Decision
from broker.assisted.case_states import CaseState
from broker.assisted.reasons import REASONS, ReasonContext
from broker.assisted.separation_of_duties import SecondReviewReason
from broker.assisted.transitions import TransitionRefused
from broker.model.staff import StaffRole
from tests.unit.actions.assisted.case_harness import ANN, BEN, DETAILS, LEA, ME, TIM, Stage, had, member
from tests.unit.actions.assisted.staff_cases import in_review, waiting


async def test_a_decision_needs_a_recent_sign_in(stage: Stage) -> None:
    await waiting(stage)
    f = await stage.session(ANN)
    stale = stage.present(ANN, age=300)
    assert await stage.console.decide(stale, f.ref, Decision.APPROVE, ()) is ActionRefused.NOT_FRESH
    had(await stage.console.decide(stage.present(ANN, age=299), f.ref, Decision.APPROVE, ()))


@pytest.mark.parametrize(
    ("decision", "reasons"),
    [
        (Decision.APPROVE, ("convinced",)),
        (Decision.DECLINE, ()),
        (Decision.DECLINE, ("convinced",)),
        (Decision.MORE_EVIDENCE, ("coached",)),
        (Decision.REFER, ("i_feel_so",)),
    ],
)
async def test_a_decision_is_given_with_reasons_of_its_own_list(
    stage: Stage, decision: Decision, reasons: tuple[str, ...]
) -> None:
    await waiting(stage)
    f = await stage.session(ANN)
    outcome = await stage.console.decide(stage.present(ANN), f.ref, decision, reasons)
    assert outcome is ActionRefused.REASON


async def test_chance_is_drawn_when_the_decision_stands(stage: Stage) -> None:
    for sample, state in ((0.049, CaseState.REVIEW), (0.05, CaseState.APPROVED)):
        handle = await waiting(stage)
        f = await stage.session(ANN)
        stage.lot.sample = sample
        had(await stage.console.decide(stage.present(ANN), f.ref, Decision.APPROVE, ()))
        stage.lot.sample = 1.0
        assert (await stage.case(handle)).state is state


@pytest.mark.parametrize(
    ("agrees", "own", "state"),
    [
        (True, Decision.DECLINE, CaseState.DECLINED),
        (False, Decision.APPROVE, CaseState.HELD),
    ],
)
async def test_a_declined_case_of_the_sample_waits_for_a_second_person(
    stage: Stage, own: Decision, state: CaseState, *, agrees: bool
) -> None:
    handle = await waiting(stage)
    f = await stage.session(ANN)
    stage.lot.sample = 0.049
    had(await stage.console.decide(stage.present(ANN), f.ref, Decision.DECLINE, ("details_differ",)))
    stage.lot.sample = 1.0
    sampled = await stage.case(handle)
    assert (sampled.state, sampled.second_review_reasons) == (CaseState.REVIEW, (SecondReviewReason.DRAWN,))
    who = stage.present(BEN)
    f = had(await stage.console.next_case(who))
    reasons = ("details_differ",) if own is Decision.DECLINE else ()
    f = had(await stage.console.record_independent_review(who, f.ref, own, reasons))
    why = () if agrees else ("not_convinced",)
    had(await stage.console.review_verdict(who, f.ref, why, agrees=agrees))
    assert (await stage.case(handle)).state is state


async def test_the_third_case_on_one_document_needs_a_second_person(stage: Stage) -> None:
    for number, two in enumerate(((), (), (SecondReviewReason.SEEN_BEFORE,))):
        handle = await waiting(stage, address=f"ada{number}@example.org")
        await stage.approves()
        assert (await stage.case(handle)).second_review_reasons == two


async def test_an_agent_in_training_never_approves_alone_and_never_reviews(stage: Stage) -> None:
    handle = await waiting(stage)
    await stage.approves(TIM)
    case = await stage.case(handle)
    assert case.second_review_reasons == (SecondReviewReason.IN_TRAINING,)
    learner = replace(BEN, in_training=True)
    assert await stage.console.next_case(stage.present(learner)) is ActionRefused.NOTHING
    assert (
        await stage.console.claim(stage.present(learner), CaseRef(case.id, case.edit_version))
        is ActionRefused.NOT_ALLOWED
    )


async def test_the_reviewer_sees_the_verdict_only_after_their_own_view(stage: Stage) -> None:
    handle = await in_review(stage)
    who, c = stage.present(BEN), stage.console
    f = had(await c.next_case(who))
    assert (f.role, f.case.verdict, f.case.second_review_reasons) == (CaseRole.REVIEWER, None, ())
    assert StaffAction.INDEPENDENT_REVIEW in f.actions
    assert StaffAction.REVIEW not in f.actions
    assert "approve" not in repr(f.case.history)
    assert await c.review_verdict(who, f.ref, (), agrees=True) is TransitionRefused.VIEW_FIRST
    f = had(await c.record_independent_review(who, f.ref, Decision.APPROVE, ()))
    assert f.case.verdict is not None
    assert f.case.verdict.decision is Decision.APPROVE
    assert StaffAction.REVIEW in f.actions
    had(await c.review_verdict(who, f.ref, (), agrees=True))
    assert (await stage.case(handle)).state is CaseState.APPROVED


async def test_the_agent_of_a_case_is_never_offered_its_review(stage: Stage) -> None:
    handle = await in_review(stage)
    case = await stage.case(handle)
    assert await stage.console.next_case(stage.present(ANN)) is ActionRefused.NOTHING
    assert (
        await stage.console.claim(stage.present(ANN), CaseRef(case.id, case.edit_version))
        is TransitionRefused.SAME_PERSON
    )


async def test_a_reviewer_who_disagrees_stops_the_case_and_a_lead_lets_it_go_on_or_declines(stage: Stage) -> None:
    handle = await in_review(stage)
    who, c = stage.present(BEN), stage.console
    f = had(await c.next_case(who))
    f = had(await c.record_independent_review(who, f.ref, Decision.DECLINE, ("face_differs",)))
    had(await c.review_verdict(who, f.ref, ("not_convinced",), agrees=False))
    case = await stage.case(handle)
    assert case.state is CaseState.HELD
    lead = stage.present(LEA)
    f = had(await c.open_by_reference(lead, case.reference, "follow_up"))
    assert {StaffAction.END_HOLD, StaffAction.DECLINE_HELD} <= f.actions
    had(await c.end_hold(lead, f.ref, "new_evidence"))
    assert (await stage.case(handle)).state is CaseState.QUEUED
    assert await c.next_case(who) is ActionRefused.NOTHING
    had(await c.next_case(stage.present(ANN)))


async def test_a_lead_who_is_the_agent_settles_nothing(stage: Stage) -> None:
    handle = await waiting(stage)
    both = member("max", StaffRole.AGENT, StaffRole.LEAD)
    f = await stage.session(both)
    had(await stage.console.decide(stage.present(both), f.ref, Decision.REFER, ("doubt",)))
    case = await stage.case(handle)
    f = had(await stage.console.open_by_reference(stage.present(both), case.reference, "follow_up"))
    assert StaffAction.END_HOLD not in f.actions
    for outcome in (
        await stage.console.end_hold(stage.present(both), f.ref, "cleared"),
        await stage.console.decline_held(stage.present(both), f.ref, ("coached",)),
    ):
        assert outcome is TransitionRefused.SAME_PERSON


async def test_a_lead_takes_a_case_from_who_holds_it(stage: Stage) -> None:
    handle = await waiting(stage)
    f = had(await stage.console.next_case(stage.present(ANN)))
    case = await stage.case(handle)
    had(await stage.console.open_by_reference(stage.present(LEA), case.reference, "follow_up"))
    had(await stage.console.reassign(stage.present(LEA), CaseRef(case.id, case.edit_version), "absent_colleague"))
    assert (await stage.case(handle)).state is CaseState.QUEUED
    outcome = await stage.console.start_session(stage.present(ANN), f.ref, Channel.VIDEO)
    assert outcome is ActionRefused.UNKNOWN


async def test_a_revoked_identity_is_gone(stage: Stage) -> None:
    handle = await waiting(stage)
    await stage.approves()
    await stage.binds(handle)
    case = await stage.case(handle)
    f = had(await stage.console.open_by_reference(stage.present(LEA), case.reference, "complaint"))
    had(await revoke(stage.freezing, stage.present(LEA), f.ref, "not_me"))
    await stage.citizen.look(handle, ME)
    assert (await stage.transaction(handle)).identity is None
    gone = await stage.facts.cases.load(case.id)
    assert gone is not None
    assert gone.state is CaseState.REVOKED
    assert gone.erased


async def test_each_action_is_refused_without_its_staff_role(stage: Stage) -> None:
    handle = await waiting(stage)
    f = had(await stage.console.next_case(stage.present(ANN)))
    ref, c = f.ref, stage.console
    reviewer = stage.present(replace(ANN, roles=frozenset({StaffRole.REVIEWER})))
    agent = stage.present(replace(ANN, roles=frozenset({StaffRole.AGENT})))
    outcomes = [
        await c.start_session(reviewer, ref, Channel.VIDEO),
        await c.verify_phrase(reviewer, ref),
        await c.decide(reviewer, ref, Decision.APPROVE, ()),
        await c.record_details(reviewer, ref, DETAILS),
        await c.remove_evidence(reviewer, ref, "e1"),
        await c.record_independent_review(agent, ref, Decision.APPROVE, ()),
        await c.review_verdict(agent, ref, (), agrees=True),
        await c.hold(agent, ref, "doubt"),
        await c.end_hold(agent, ref, "cleared"),
        await c.reassign(agent, ref, "safeguarding"),
        await c.decline_held(agent, ref, ("coached",)),
        await revoke(stage.freezing, agent, ref, "mistake"),
    ]
    assert outcomes == [ActionRefused.NOT_ALLOWED] * len(outcomes)
    assert (await stage.case(handle)).edit_version == ref.edit_version


async def test_no_audit_row_holds_personal_data_or_what_was_noted(stage: Stage) -> None:
    handle = await in_review(stage)
    who, c = stage.present(BEN), stage.console
    f = had(await c.next_case(who))
    f = had(await c.record_independent_review(who, f.ref, Decision.APPROVE, (), "looks fine to me"))
    had(await c.review_verdict(who, f.ref, (), agrees=True))
    await stage.binds(handle)
    rows = repr(await stage.audit())
    for secret in ("Ada", "X123", "ada@example.org", "looks fine", "1990"):
        assert secret not in rows
    assert [e.actor for e in await stage.audit("case_view_given")] == ["staff:ben"]


def test_every_occasion_has_its_reasons_and_no_reason_is_there_for_nothing() -> None:
    used = {reason for reasons in REASONS.values() for reason in reasons}
    assert set(REASONS) == set(ReasonContext)
    assert all(REASONS.values())
    assert used == set(type(next(iter(used))))
