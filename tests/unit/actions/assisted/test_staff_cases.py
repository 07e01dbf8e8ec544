"""The actions of staff on cases: finding work, sessions, decisions, reviews, leads."""

import asyncio
from dataclasses import replace

import pytest

from broker.actions.assisted.staff_results import (
    ActionRefused,
    CaseRef,
    CaseRole,
    CaseView,
    CaseWarning,
    CheckAnswer,
    EvidenceEntry,
    HeldCase,
    InputError,
    InvalidInput,
    StaffAction,
)
from broker.assisted.case import CaseState, Channel, CheckOutcome, Decision
from broker.assisted.reasons import REASONS, ReasonContext
from broker.assisted.separation_of_duties import SecondReviewReason
from broker.assisted.transitions import TransitionRefused
from broker.model.assurance import Level
from broker.model.staff import StaffMember, StaffRole
from tests.unit.actions.assisted.case_harness import (
    ANN,
    BEN,
    DETAILS,
    GOOD,
    LEA,
    ME,
    PASSPORT,
    PAT,
    SAFE,
    TIM,
    UMA,
    WANTED,
    Stage,
    had,
    member,
    yes,
)


async def waiting(stage: Stage, level: Level = Level.SUBSTANTIAL, **wanted: object) -> str:
    """A citizen waits in the queue; gives the transaction's handle."""
    handle = await stage.arrives(level)
    await stage.asks(handle, replace(WANTED, **wanted))
    return handle


async def in_review(stage: Stage) -> str:
    """A case approved by Ann that chance sends to a second person; gives the handle."""
    handle = await waiting(stage)
    stage.lot.sample = 0.0
    await stage.approves(ANN)
    stage.lot.sample = 1.0
    return handle


# --- finding work ---


async def test_the_next_case_is_the_one_due_first_and_a_holder_gets_their_own_case(stage: Stage) -> None:
    first = await waiting(stage)
    stage.clock.advance(60)
    await waiting(stage)
    folder = had(await stage.console.next_case(stage.present(ANN)))
    assert folder.case.id == (await stage.case(first)).id
    assert (folder.role, folder.case.state) == (CaseRole.AGENT, CaseState.CLAIMED)
    again = had(await stage.console.next_case(stage.present(ANN)))
    assert again.case.id == folder.case.id


async def test_late_reviews_come_before_everything_else(stage: Stage) -> None:
    handle = await in_review(stage)
    await waiting(stage)
    stage.clock.advance(20 * 3600)
    folder = had(await stage.console.next_case(stage.present(BEN)))
    assert folder.case.id == (await stage.case(handle)).id and folder.case.late


async def test_the_next_case_suits_the_roles_languages_and_channels_of_the_member(stage: Stage) -> None:
    await waiting(stage)
    for who in (
        member("una", StaffRole.AGENT, languages=("cy",)),
        member("vic", StaffRole.AGENT, channels=("phone",)),
        LEA,
        PAT,
        UMA,
        member("rex", StaffRole.REVIEWER),
    ):
        assert await stage.console.next_case(stage.present(who)) is ActionRefused.NOTHING


async def test_of_two_agents_one_gets_the_case(stage: Stage) -> None:
    await waiting(stage)
    outcomes = await asyncio.gather(*(stage.console.next_case(stage.present(who)) for who in (ANN, BEN, TIM)))
    assert sum(isinstance(outcome, CaseView) for outcome in outcomes) == 1
    assert len(await stage.audit("case_claimed")) == 1


async def test_a_case_is_found_by_its_exact_reference_with_a_reason_that_is_recorded(stage: Stage) -> None:
    handle = await waiting(stage)
    reference = (await stage.case(handle)).reference
    who, console = stage.present(LEA), stage.console
    assert await console.open_by_reference(who, reference, "curious") is ActionRefused.REASON
    assert await console.open_by_reference(who, reference[:-1], "complaint") is ActionRefused.UNKNOWN
    folder = had(await console.open_by_reference(who, reference.lower().replace("-", " "), "complaint"))
    assert (folder.role, folder.case.contact is None) == (CaseRole.OVERSEER, False)
    opened, missed = await stage.audit("case_opened"), await stage.audit("case_not_found")
    assert [(e.actor, e.details["reason"]) for e in (*opened, *missed)] == [("staff:lea", "complaint")] * 2


async def test_an_administrator_opens_no_case(stage: Stage) -> None:
    handle = await waiting(stage)
    reference = (await stage.case(handle)).reference
    assert await stage.console.open_by_reference(stage.present(PAT), reference, "audit") is ActionRefused.NOT_ALLOWED


async def test_a_case_is_closed_to_staff_who_neither_hold_it_nor_looked_it_up(stage: Stage) -> None:
    handle = await waiting(stage)
    case = await stage.case(handle)
    for who in (ANN, LEA, UMA):
        assert await stage.console.look(stage.present(who), case.id) is ActionRefused.UNKNOWN
        assert await stage.console.flag(stage.present(who), case.id, "coached") in (
            ActionRefused.UNKNOWN,
            ActionRefused.NOT_ALLOWED,
        )
    had(await stage.console.open_by_reference(stage.present(UMA), case.reference, "audit"))
    had(await stage.console.look(stage.present(UMA), case.id))
    stage.clock.advance(1800)
    assert await stage.console.look(stage.present(UMA), case.id) is ActionRefused.UNKNOWN


async def test_a_visitor_sees_no_personal_data(stage: Stage) -> None:
    handle = await waiting(stage)
    await stage.session(ANN)
    case = await stage.case(handle)
    folder = had(await stage.console.open_by_reference(stage.present(BEN), case.reference, "citizen_called"))
    assert folder.role is CaseRole.VISITOR
    for secret in ("Ada", "X123", "ada@example.org", case.phrase.first):
        assert secret in repr(case)
        assert secret not in repr(folder)


async def test_an_auditor_replays_a_case_and_changes_nothing(stage: Stage) -> None:
    handle = await waiting(stage)
    await stage.approves()
    case = await stage.case(handle)
    folder = had(await stage.console.open_by_reference(stage.present(UMA), case.reference, "audit"))
    assert folder.role is CaseRole.OVERSEER and folder.actions == {StaffAction.OPEN}
    assert [move.event for move in folder.case.history][-2:] == ["decided", "opened"]
    assert (
        await stage.console.hold(stage.present(UMA), CaseRef(case.id, case.edit_version), "doubt")
        is ActionRefused.NOT_ALLOWED
    )


async def test_leads_see_what_is_stopped_and_what_is_late_without_personal_data(stage: Stage) -> None:
    late = await in_review(stage)
    handle = await waiting(stage)
    case = await stage.case(handle)
    had(await stage.console.open_by_reference(stage.present(LEA), case.reference, "safeguarding"))
    had(await stage.console.hold(stage.present(LEA), CaseRef(case.id, case.edit_version), "safeguarding"))
    stage.clock.advance(20 * 3600)
    told = await stage.console.stopped(stage.present(LEA))
    assert not isinstance(told, ActionRefused) and all(isinstance(one, HeldCase) for one in told)
    assert {(one.reference, one.why, one.late) for one in told} == {
        (case.reference, "held safeguarding", False),
        ((await stage.case(late)).reference, "decided approve drawn", True),
    }
    assert await stage.console.stopped(stage.present(ANN)) is ActionRefused.NOT_ALLOWED


async def test_the_workload_counts_what_waits(stage: Stage) -> None:
    await in_review(stage)
    begun = stage.clock.now()
    await waiting(stage)
    stage.clock.advance(10)
    await waiting(stage)
    load = await stage.console.workload()
    assert (load.queued, load.reviews, load.late_reviews, load.held, load.oldest) == (2, 1, 0, 0, begun)


# --- the session ---


async def test_an_agent_goes_through_a_session_and_the_system_computes_the_level(stage: Stage) -> None:
    handle = await waiting(stage)
    folder = await stage.session(ANN)
    assert (folder.case.state, folder.assessment.level, folder.assessment.profile) == (
        CaseState.DECISION,
        Level.SUBSTANTIAL,
        "M1B",
    )
    assert folder.refused_decisions.get(Decision.APPROVE) is None and StaffAction.DECIDE in folder.actions
    done = had(await stage.console.decide(stage.present(ANN), folder.ref, Decision.APPROVE, ()))
    assert done.role is CaseRole.NONE
    verdict = (await stage.case(handle)).verdict
    assert verdict is not None and (verdict.level, verdict.profile, verdict.by) == (Level.SUBSTANTIAL, "M1B", "ann")
    assert (await stage.case(handle)).state is CaseState.APPROVED


async def test_the_page_says_why_an_approval_is_not_possible_yet(stage: Stage) -> None:
    await waiting(stage)
    who, c = stage.present(ANN), stage.console
    f = had(await c.next_case(who))
    f = had(await c.start_session(who, f.ref, Channel.IN_PERSON))
    assert f.refused_decisions.get(Decision.APPROVE) is TransitionRefused.NO_LEVEL and f.assessment.ways
    f = had(await c.record_evidence(who, f.ref, EvidenceEntry("passport", PASSPORT, GOOD)))
    f = had(await c.record_checks(who, f.ref, SAFE))
    assert f.refused_decisions.get(Decision.APPROVE) is TransitionRefused.NO_DETAILS
    f = had(await c.record_details(who, f.ref, DETAILS))
    assert f.refused_decisions.get(Decision.APPROVE) is TransitionRefused.WORDS_FIRST
    f = had(await c.verify_phrase(who, f.ref))
    assert f.refused_decisions.get(Decision.APPROVE) is None


async def test_of_two_pages_made_from_one_case_the_second_sees_a_conflict(stage: Stage) -> None:
    await waiting(stage)
    who, c = stage.present(ANN), stage.console
    f = had(await c.next_case(who))
    f = had(await c.start_session(who, f.ref, Channel.VIDEO))
    had(await c.record_details(who, f.ref, DETAILS))
    other = DETAILS | {"given_name": "Eve"}
    assert await c.record_details(who, f.ref, other) is ActionRefused.CONFLICT
    assert await c.end_session(who, f.ref) is ActionRefused.CONFLICT


async def test_a_lapsed_lease_puts_the_case_back_and_says_so(stage: Stage) -> None:
    handle = await waiting(stage)
    who, c = stage.present(ANN), stage.console
    f = had(await c.next_case(who))
    stage.clock.advance(1799)
    f = had(await c.renew(who, f.case.id))
    stage.clock.advance(1799)
    f = had(await c.start_session(who, f.ref, Channel.VIDEO))
    stage.clock.advance(1800)
    assert await c.record_evidence(who, f.ref, EvidenceEntry("passport", PASSPORT, GOOD)) is ActionRefused.LAPSED
    assert await c.end_session(who, f.ref) is ActionRefused.LAPSED
    assert (await stage.case(handle)).state is CaseState.QUEUED
    assert (await stage.audit("case_lease_lapsed"))[0].actor == "broker"


async def test_looking_in_and_flagging_disturb_no_agent_at_work(stage: Stage) -> None:
    handle = await waiting(stage)
    who, c = stage.present(ANN), stage.console
    f = had(await c.next_case(who))
    reference = (await stage.case(handle)).reference
    had(await c.open_by_reference(stage.present(LEA), reference, "follow_up"))
    had(await c.flag(stage.present(LEA), f.case.id, "coached"))
    after = had(await c.start_session(who, f.ref, Channel.VIDEO))
    assert after.case.flags == ()
    assert len((await stage.case(handle)).flags) == 1


@pytest.mark.parametrize(
    ("fields", "answers", "faults"),
    [
        (PASSPORT | {"number": " "}, GOOD, {"number": InputError.MISSING}),
        (PASSPORT | {"colour": "red"}, GOOD, {"colour": InputError.UNKNOWN}),
        (PASSPORT | {"number": "9" * 301}, GOOD, {"number": InputError.TOO_LONG}),
        (PASSPORT, GOOD[:-1], {"face": InputError.MISSING}),
        (PASSPORT, (*GOOD, *yes("mood")), {"mood": InputError.UNKNOWN}),
        (PASSPORT, (*GOOD, *yes("chip")), {"chip": InputError.NOT_TRAINED}),
        (PASSPORT, (*GOOD[:-1], CheckAnswer("face", CheckOutcome.COULD_NOT)), {"face": InputError.REASON}),
        (PASSPORT, (*GOOD[:-1], CheckAnswer("face", CheckOutcome.COULD_NOT, "tired")), {"face": InputError.REASON}),
        (PASSPORT, (*GOOD[:-1], CheckAnswer("face", CheckOutcome.YES, "not_shown")), {"face": InputError.REASON}),
        (
            {},
            (),
            dict.fromkeys(
                ("number", "country", "expires", "seen", "valid", "features", "details_match", "face"),
                InputError.MISSING,
            ),
        ),
    ],
)
async def test_what_is_wrong_with_a_record_is_said_all_at_once_and_nothing_is_changed(
    stage: Stage, fields: dict[str, str], answers: tuple[CheckAnswer, ...], faults: dict[str, InputError]
) -> None:
    await waiting(stage)
    who, c = stage.present(BEN), stage.console
    f = had(await c.next_case(who))
    f = had(await c.start_session(who, f.ref, Channel.IN_PERSON))
    outcome = await c.record_evidence(who, f.ref, EvidenceEntry("passport", fields, answers))
    assert isinstance(outcome, InvalidInput) and outcome.errors == faults
    had(await c.end_session(who, f.ref))


async def test_a_check_that_a_channel_does_not_allow_is_refused(stage: Stage) -> None:
    await waiting(stage, Level.LOW, channel="phone")
    who, c = stage.present(BEN), stage.console
    f = had(await c.next_case(who))
    f = had(await c.start_session(who, f.ref, Channel.PHONE))
    answers = yes("details_match", "valid", "face")
    outcome = await c.record_evidence(who, f.ref, EvidenceEntry("passport", PASSPORT, answers))
    assert isinstance(outcome, InvalidInput) and outcome.errors == {"face": InputError.NOT_IN_THIS_CHANNEL}


@pytest.mark.parametrize(
    ("claims", "faults"),
    [
        (DETAILS | {"birthdate": "1990-02-30"}, {"birthdate": InputError.NOT_A_DATE}),
        (DETAILS | {"birthdate": "2027-01-16"}, {"birthdate": InputError.NOT_A_DATE}),
        (DETAILS | {"birthdate": "19900102"}, {"birthdate": InputError.NOT_A_DATE}),
        (DETAILS | {"birthdate": "04/12/1987"}, {"birthdate": InputError.NOT_A_DATE}),
        (DETAILS | {"birthdate": "0000"}, {"birthdate": InputError.NOT_A_DATE}),
        (DETAILS | {"birthdate": "2027-02"}, {"birthdate": InputError.NOT_A_DATE}),
        (DETAILS | {"birthdate": "1889"}, {"birthdate": InputError.NOT_A_DATE}),
        (DETAILS | {"given_name": "", "family_name": "\u3164"}, {"given_name": InputError.MISSING}),
        (DETAILS | {"given_name": "-"}, {"given_name": InputError.NOT_A_NAME}),
        (DETAILS | {"shoe_size": "39"}, {"shoe_size": InputError.UNKNOWN}),
        (DETAILS | {"address": "x" * 301}, {"address": InputError.TOO_LONG}),
    ],
)
async def test_details_that_cannot_be_are_refused(
    stage: Stage, claims: dict[str, str], faults: dict[str, InputError]
) -> None:
    await waiting(stage)
    who, c = stage.present(BEN), stage.console
    f = had(await c.next_case(who))
    f = had(await c.start_session(who, f.ref, Channel.VIDEO))
    outcome = await c.record_details(who, f.ref, claims)
    assert isinstance(outcome, InvalidInput) and outcome.errors == faults


@pytest.mark.parametrize(
    ("claims", "kept"),
    [
        ({"given_name": "Suharto", "birthdate": "1977"}, {"given_name": "Suharto", "birthdate": "1977"}),
        ({"family_name": "Suharto", "birthdate": "1977-04"}, {"family_name": "Suharto", "birthdate": "1977-04"}),
        ({"given_name": "ＡＤＡ", "birthdate": "٠٠٠٠-٠٤-١٢"}, {"given_name": "ＡＤＡ", "birthdate": "0000-04-12"}),
        (
            {"given_name": " Zoe\u0308\u202c ", "family_name": "O\u2019Neill", "birthdate": "1990\u20111\u20112"},
            {"given_name": "Zoë", "family_name": "O\u2019Neill", "birthdate": "1990-01-02"},
        ),
        (
            DETAILS | {"address": " 1  High Street\r\n\r\nBangor\u200e"},
            DETAILS | {"address": "1 High Street\nBangor"},
        ),
    ],
)
async def test_details_are_kept_in_normal_form_also_of_a_person_with_one_name_or_part_of_a_birthdate(
    stage: Stage, claims: dict[str, str], kept: dict[str, str]
) -> None:
    await waiting(stage)
    who, c = stage.present(BEN), stage.console
    f = had(await c.next_case(who))
    f = had(await c.start_session(who, f.ref, Channel.VIDEO))
    f = had(await c.record_details(who, f.ref, claims))
    assert f.case.details.claims == kept


async def test_writing_a_name_otherwise_is_no_correction_of_it(stage: Stage) -> None:
    await waiting(stage)
    who, c = stage.present(BEN), stage.console
    f = had(await c.next_case(who))
    f = had(await c.start_session(who, f.ref, Channel.VIDEO))
    f = had(await c.record_details(who, f.ref, DETAILS | {"family_name": "O'Neill-Rees"}))
    f = had(await c.record_details(who, f.ref, DETAILS | {"family_name": "O\u2019NEILL REES"}))
    assert f.case.details.corrected == ()
    f = had(await c.record_details(who, f.ref, DETAILS | {"family_name": "Oneill"}))
    assert f.case.details.corrected == ("family_name",)


async def test_a_date_on_evidence_is_a_whole_date_in_normal_form(stage: Stage) -> None:
    await waiting(stage)
    who, c = stage.present(BEN), stage.console
    f = had(await c.next_case(who))
    f = had(await c.start_session(who, f.ref, Channel.VIDEO))
    answers = yes("seen", "valid", "features", "details_match", "face")
    fields = PASSPORT | {"expires": "2031"}
    wrong = await c.record_evidence(who, f.ref, EvidenceEntry("passport", fields, answers))
    assert isinstance(wrong, InvalidInput) and wrong.errors == {"expires": InputError.NOT_A_DATE}
    fields = PASSPORT | {"expires": "۲۰۳۱/۱/۲"}
    f = had(await c.record_evidence(who, f.ref, EvidenceEntry("passport", fields, answers)))
    assert f.case.evidence[0].details["expires"] == "2031-01-02"


async def test_taking_a_piece_of_evidence_out_brings_a_second_person_in(stage: Stage) -> None:
    handle = await waiting(stage)
    who, c = stage.present(ANN), stage.console
    f = await stage.session(ANN)
    doubtful = (*GOOD[:-1], CheckAnswer("face", CheckOutcome.NO))
    f = had(await c.record_evidence(who, f.ref, EvidenceEntry("passport", PASSPORT, doubtful)))
    assert [one.id for one in f.case.evidence] == ["e1", "e2"]
    f = had(await c.remove_evidence(who, f.ref, "e2"))
    had(await c.decide(who, f.ref, Decision.APPROVE, ()))
    assert (await stage.case(handle)).second_review_reasons == (SecondReviewReason.CHECK_NOT_DONE,)


async def test_a_note_that_holds_a_code_is_refused(stage: Stage) -> None:
    await waiting(stage)
    who, c = stage.present(ANN), stage.console
    f = had(await c.next_case(who))
    assert await c.note(who, f.case.id, "they said 123456") is ActionRefused.NOTE
    assert await c.note(who, f.case.id, "  ") is ActionRefused.NOTHING
    assert await c.note(who, f.case.id, "long " * 500) is ActionRefused.NOTE
    assert had(await c.note(who, f.case.id, "Calm and sure.")).case.notes[0].text == "Calm and sure."


async def test_a_citizen_with_the_name_of_the_member_of_staff_brings_a_warning(stage: Stage) -> None:
    await waiting(stage)
    kin = StaffMember("eve", "sub-eve", "Eve Example", frozenset({StaffRole.AGENT}))
    f = await stage.session(kin)
    assert f.warnings == (CaseWarning.SAME_FAMILY_NAME,)
    out = had(await stage.console.declare_interest(stage.present(kin), f.case.id))
    assert out.role is CaseRole.NONE
    assert await stage.console.look(stage.present(kin), f.case.id) is ActionRefused.UNKNOWN


async def test_who_must_not_be_called_is_warned_of(stage: Stage) -> None:
    await waiting(stage, unsafe=True, someone_with_me=True)
    f = had(await stage.console.next_case(stage.present(ANN)))
    assert set(f.warnings) == {CaseWarning.UNSAFE_TO_CALL, CaseWarning.SOMEONE_WITH_CITIZEN}


# --- deciding ---


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
    assert StaffAction.INDEPENDENT_REVIEW in f.actions and StaffAction.REVIEW not in f.actions
    assert "approve" not in repr(f.case.history)
    assert await c.review_verdict(who, f.ref, (), agrees=True) is TransitionRefused.VIEW_FIRST
    f = had(await c.record_independent_review(who, f.ref, Decision.APPROVE, ()))
    assert f.case.verdict is not None and f.case.verdict.decision is Decision.APPROVE
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
    had(await stage.console.revoke(stage.present(LEA), f.ref, "not_me"))
    await stage.citizen.look(handle, ME)
    assert (await stage.transaction(handle)).identity is None
    gone = await stage.facts.cases.load(case.id)
    assert gone is not None and gone.state is CaseState.REVOKED and gone.erased


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
        await c.revoke(agent, ref, "mistake"),
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
    told = repr(await stage.audit())
    for secret in ("Ada", "X123", "ada@example.org", "looks fine", "1990"):
        assert secret not in told
    assert [e.actor for e in await stage.audit("case_view_given")] == ["staff:ben"]


def test_every_occasion_has_its_reasons_and_no_reason_is_there_for_nothing() -> None:
    used = {reason for reasons in REASONS.values() for reason in reasons}
    assert set(REASONS) == set(ReasonContext) and all(REASONS.values())
    assert used == set(type(next(iter(used))))
