"""Actions of staff: recording a session, checks, evidence and details."""

import pytest

from broker.actions.assisted.staff_results import (
    ActionRefused,
    CaseRole,
    CaseWarning,
    CheckAnswer,
    EvidenceEntry,
    InputError,
    InvalidInput,
    StaffAction,
)
from broker.assisted.case_records import Channel, CheckOutcome, Decision
from broker.assisted.case_states import CaseState
from broker.assisted.separation_of_duties import SecondReviewReason
from broker.assisted.transitions import TransitionRefused
from broker.model.assurance import Level
from broker.model.staff import StaffMember, StaffRole
from tests.unit.actions.assisted.case_harness import ANN, BEN, DETAILS, GOOD, LEA, PASSPORT, SAFE, Stage, had, yes
from tests.unit.actions.assisted.staff_cases import waiting

pytestmark = pytest.mark.store


async def test_an_agent_goes_through_a_session_and_the_system_computes_the_level(stage: Stage) -> None:
    handle = await waiting(stage)
    folder = await stage.session(ANN)
    assert (folder.case.state, folder.assessment.level, folder.assessment.profile) == (
        CaseState.DECISION,
        Level.SUBSTANTIAL,
        "M1B",
    )
    assert folder.refused_decisions.get(Decision.APPROVE) is None
    assert StaffAction.DECIDE in folder.actions
    done = had(await stage.console.decide(stage.present(ANN), folder.ref, Decision.APPROVE, ()))
    assert done.role is CaseRole.NONE
    verdict = (await stage.case(handle)).verdict
    assert verdict is not None
    assert (verdict.level, verdict.profile, verdict.by) == (Level.SUBSTANTIAL, "M1B", "ann")
    assert (await stage.case(handle)).state is CaseState.APPROVED


async def test_the_page_says_why_an_approval_is_not_possible_yet(stage: Stage) -> None:
    await waiting(stage)
    who, c = stage.present(ANN), stage.console
    f = had(await c.next_case(who))
    f = had(await c.start_session(who, f.ref, Channel.IN_PERSON))
    assert f.refused_decisions.get(Decision.APPROVE) is TransitionRefused.NO_LEVEL
    assert f.assessment.ways
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


async def test_viewing_and_flagging_do_not_conflict_with_the_agents_edits(stage: Stage) -> None:
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
    assert isinstance(outcome, InvalidInput)
    assert outcome.errors == faults
    had(await c.end_session(who, f.ref))


async def test_a_check_that_a_channel_does_not_allow_is_refused(stage: Stage) -> None:
    await waiting(stage, Level.LOW, channel="phone")
    who, c = stage.present(BEN), stage.console
    f = had(await c.next_case(who))
    f = had(await c.start_session(who, f.ref, Channel.PHONE))
    answers = yes("details_match", "valid", "face")
    outcome = await c.record_evidence(who, f.ref, EvidenceEntry("passport", PASSPORT, answers))
    assert isinstance(outcome, InvalidInput)
    assert outcome.errors == {"face": InputError.NOT_IN_THIS_CHANNEL}


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
    assert isinstance(outcome, InvalidInput)
    assert outcome.errors == faults


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
    assert isinstance(wrong, InvalidInput)
    assert wrong.errors == {"expires": InputError.NOT_A_DATE}
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
    assert await stage.console.view_case(stage.present(kin), f.case.id) is ActionRefused.UNKNOWN


async def test_a_contact_that_must_not_be_called_brings_a_warning(stage: Stage) -> None:
    await waiting(stage, unsafe=True, someone_with_me=True)
    f = had(await stage.console.next_case(stage.present(ANN)))
    assert set(f.warnings) == {CaseWarning.UNSAFE_TO_CALL, CaseWarning.SOMEONE_WITH_CITIZEN}
