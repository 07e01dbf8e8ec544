"""Device prompts over real stores: staff request a confirmation on the citizen's own device."""

import asyncio
from dataclasses import replace

import pytest

from broker.actions.assisted.staff_results import ActionRefused, CaseRef, CaseView, EvidenceEntry, StaffAction
from broker.actions.browser import Browser
from broker.actions.results import LimitKind, RateLimited, StartedTransaction
from broker.actions.views import CaseStatusView, Ending, EndingView
from broker.assisted.case_records import Channel
from broker.assisted.case_states import CaseState
from broker.assisted.transitions import TransitionRefused
from broker.journey.transaction import Attempt
from broker.journey.transaction import TransactionState as Standing
from broker.model.assurance import Level
from broker.model.backchannel_request import BackchannelRequest, BackchannelState
from broker.model.identity import Identity
from broker.model.notification import NotificationKind
from tests.unit.actions.assisted.case_harness import ANN, BEN, DETAILS, LEA, ME, STRANGER, Stage, had

pytestmark = pytest.mark.store

MESSAGE = "Your call with us about the library card"
PHONE = Browser(secrets=("on-the-phone",), address="192.0.2.9")


async def in_session(stage: Stage, *, details: bool = True) -> CaseView:
    """The next case, in session with an agent who has recorded the claimed details."""
    who, c = stage.present(ANN), stage.console
    f = had(await c.next_case(who))
    f = had(await c.start_session(who, f.ref, Channel.VIDEO))
    if details:
        f = had(await c.record_details(who, f.ref, DETAILS))
    return f


async def asked(stage: Stage) -> tuple[CaseView, BackchannelRequest]:
    """A citizen with an agent in session, who requests the confirmation."""
    await stage.asks(await stage.arrives())
    folder = await in_session(stage)
    question = await stage.console.ask_citizen(stage.present(ANN), folder.ref, MESSAGE)
    assert isinstance(question, BackchannelRequest)
    return folder, question


def identity(stage: Stage, **claims: str) -> Identity:
    """An identity from a provider."""
    all_claims = {**DETAILS, **claims}
    return Identity(
        "bank", "https://bank.example", "ada", Level.SUBSTANTIAL, ("pwd",), int(stage.clock.now()), all_claims
    )


async def test_the_device_prompt_is_sent_to_the_contact_of_the_case(stage: Stage) -> None:
    folder, question = await asked(stage)
    [notice] = await stage.sent()
    assert (notice.kind, notice.address, notice.case) == (NotificationKind.QUESTION, "ada@example.org", folder.case.id)
    assert notice.fields["code"] == question.code
    assert notice.fields["message"] == MESSAGE
    assert notice.fields["address"] == "broker.example/confirm"
    assert await stage.console.questions(folder) == (question,)
    [row] = await stage.audit("question_put")
    assert (row.actor, row.case) == ("staff:ann", folder.case.id)
    assert MESSAGE not in str(row)


async def test_only_the_holder_prompts_the_device_and_only_with_recorded_details(stage: Stage) -> None:
    await stage.asks(await stage.arrives())
    folder = await in_session(stage, details=False)
    who, c, case_id = stage.present(ANN), stage.console, folder.case.id
    assert await c.ask_citizen(who, folder.ref, MESSAGE) is TransitionRefused.NO_DETAILS
    folder = had(await c.record_details(who, folder.ref, DETAILS))
    assert StaffAction.ASK_CITIZEN in folder.actions
    assert await c.ask_citizen(stage.present(BEN), folder.ref, MESSAGE) is ActionRefused.UNKNOWN
    assert await c.ask_citizen(stage.present(LEA), folder.ref, MESSAGE) is ActionRefused.NOT_ALLOWED
    assert await c.ask_citizen(who, CaseRef(case_id, folder.case.edit_version - 1), MESSAGE) is ActionRefused.CONFLICT
    assert await c.ask_citizen(who, folder.ref, "two\nlines") is ActionRefused.MESSAGE
    assert await c.ask_citizen(who, folder.ref, "see http://x.example") is ActionRefused.MESSAGE
    assert isinstance(await c.ask_citizen(who, folder.ref, MESSAGE), BackchannelRequest)
    assert await c.ask_citizen(who, folder.ref, MESSAGE) is ActionRefused.ASKED
    visitor = had(await c.open_by_reference(stage.present(BEN), folder.case.reference, "citizen_called"))
    assert await c.questions(visitor) == ()
    assert await c.ask_citizen(stage.present(BEN), folder.ref, MESSAGE) is ActionRefused.NOT_ALLOWED
    stage.clock.advance(600)
    assert isinstance(await c.ask_citizen(who, folder.ref, MESSAGE), BackchannelRequest)


@pytest.mark.parametrize(("name", "match"), [("Ada", True), ("Eve", False)])
async def test_a_confirmation_is_evidence_that_says_whether_it_is_the_same_person(
    stage: Stage, name: str, *, match: bool
) -> None:
    folder, question = await asked(stage)
    assert await stage.citizen_cases.record_confirmation(question, identity(stage, given_name=name))
    who = stage.present(ANN)
    after = had(await stage.console.view_case(who, folder.case.id))
    [one] = after.case.evidence
    assert {check.check: check.outcome == "yes" for check in one.checks} == {
        "confirmed": True,
        "confirmed_strongly": True,
        "details_match": match,
    }
    # the page that the agent still has open is overtaken by it
    assert after.case.edit_version == folder.case.edit_version + 1
    [scored] = after.assessment.scores.evidence
    assert (scored.strength, scored.validity) == (3, 3 if match else 0)


async def test_no_member_of_staff_can_record_it_by_hand(stage: Stage) -> None:
    await stage.asks(await stage.arrives())
    folder = await in_session(stage)
    made = await stage.console.record_evidence(
        stage.present(ANN), folder.ref, EvidenceEntry("own_device", {"way": "Bank"}, ())
    )
    assert not isinstance(made, CaseView)


async def test_a_confirmation_is_ignored_after_the_case_has_moved_on(stage: Stage) -> None:
    folder, question = await asked(stage)
    had(await stage.console.drop_session(stage.present(ANN), folder.ref, "line_lost"))
    assert not await stage.citizen_cases.record_confirmation(question, identity(stage))
    case = await stage.facts.cases.load(folder.case.id)
    assert case is not None
    assert case.state is CaseState.QUEUED
    assert not case.evidence


async def identified(stage: Stage, handle: str) -> None:
    """A provider returned this identity."""
    now, before = stage.clock.now(), await stage.transaction(handle)
    proven = identity(stage)
    at = Attempt("a", "bank", "https://bank.example", now, now + 900)
    after = replace(before, version=before.version + 1, state=Standing.IDENTIFIED, identity=proven, attempt=at)
    assert await stage.passing.transactions.save(handle, after)


async def test_the_user_code_starts_a_transaction_that_ends_with_the_backchannel_request(stage: Stage) -> None:
    _, question = await asked(stage)
    begun = await stage.citizen.take_question(question.code.lower(), PHONE, "en")
    assert isinstance(begun, StartedTransaction)
    transaction = await stage.transaction(begun.handle)
    assert transaction.expires == question.expires
    assert transaction.request.redirect_uri == ""
    assert transaction.request.fresh
    # help and a code to finish later are not offered here: a member of staff is asking already
    assert await stage.citizen.finish_later(begun.handle, PHONE) is None
    await stage.citizen.give_up(begun.handle, PHONE)
    view, _ = await stage.citizen.look(begun.handle, PHONE)
    assert isinstance(view, EndingView)
    assert (view.ending, view.back) == (Ending.DECLINED, None)
    found = await stage.facts.questions.load(question.id)
    assert found is not None
    assert found.state is BackchannelState.DECLINED
    [row] = await stage.audit("question_declined")
    assert row.case == question.case
    assert await stage.citizen.take_question(question.code, PHONE, "en") is None


@pytest.mark.parametrize("state", [state for state in BackchannelState if state is not BackchannelState.WAITING])
async def test_a_second_device_sees_that_the_request_was_answered_elsewhere(
    stage: Stage, state: BackchannelState
) -> None:
    """Otherwise the page would claim that nothing was sent to staff, or that the citizen answered on this device."""
    _, question = await asked(stage)
    begun = await stage.citizen.take_question(question.code, PHONE, "en")
    assert isinstance(begun, StartedTransaction)
    view, _ = await stage.citizen.look(begun.handle, PHONE)
    assert not isinstance(view, EndingView)
    assert await stage.facts.questions.end(question.id, state, stage.clock.now(), [])  # on the first device
    if state is not BackchannelState.CONFIRMED:  # the second device may act before its page is reloaded
        await stage.citizen.give_up(begun.handle, PHONE)
    for _ in range(2):
        view, _ = await stage.citizen.look(begun.handle, PHONE)
        assert isinstance(view, EndingView)
        assert view.ending is Ending.OVER
        await stage.citizen.confirm(begun.handle, PHONE, agree=True)
        await stage.citizen.give_up(begun.handle, PHONE)
    found = await stage.facts.questions.load(question.id)
    assert found is not None
    assert found.state is state


async def test_the_waiting_browser_of_the_case_is_prompted_and_no_other(stage: Stage) -> None:
    handle = await stage.arrives(language="cy")
    await stage.asks(handle)
    folder = await in_session(stage)
    assert await stage.citizen.answer_here(handle, ME) is None
    question = await stage.console.ask_citizen(stage.present(ANN), folder.ref, MESSAGE)
    view, _ = await stage.citizen.look(handle, ME)
    assert isinstance(view, CaseStatusView)
    assert view.question == question
    assert not isinstance(await stage.citizen.answer_here(handle, STRANGER), StartedTransaction | None)
    begun = await stage.citizen.answer_here(handle, ME)
    assert isinstance(begun, StartedTransaction)
    assert (await stage.transaction(begun.handle)).language == "cy"  # as the pages that they read so far


async def test_an_unanswered_device_prompt_expires(stage: Stage) -> None:
    _, question = await asked(stage)
    begun = await stage.citizen.take_question(question.code, PHONE, "en")
    assert isinstance(begun, StartedTransaction)
    stage.clock.advance(600)
    view, _ = await stage.citizen.look(begun.handle, PHONE)
    assert isinstance(view, EndingView)
    assert view.ending is Ending.OVER
    assert await stage.citizen.take_question(question.code, PHONE, "en") is None


async def test_codes_are_not_to_be_guessed(stage: Stage) -> None:
    _, question = await asked(stage)
    for _ in range(15):
        assert isinstance(await stage.citizen.take_question(question.code, PHONE, "en"), StartedTransaction)
    tries = await asyncio.gather(*(stage.citizen.take_question("BCDF-GHJK", PHONE, "en") for _ in range(30)))
    assert tries.count(None) == 10
    held = RateLimited(LimitKind.CODES, (stage.clock.now() // 3600 + 1) * 3600)
    assert [one for one in tries if one is not None] == [held] * 20
    assert await stage.citizen.take_question(question.code, PHONE, "en") == held
    assert isinstance(await stage.citizen.take_question(question.code, ME, "en"), StartedTransaction)
