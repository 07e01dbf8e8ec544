"""Actions of citizens: notices of results, the case's status page, and deadlines."""

from dataclasses import replace

import pytest

from broker.actions.assisted.expiry import expire_due_cases
from broker.actions.views import CaseStatusView, FailureView
from broker.assisted.case_records import Decision
from broker.assisted.case_states import CaseState
from broker.assisted.case_status import CaseStage as Stands
from broker.model.failures import FailureClass, NextStep
from broker.model.handle import normalize_user_code, sha256_hex
from broker.model.notification import NotificationKind
from tests.unit.actions.assisted.case_harness import ANN, ME, SERVICE, WANTED, Stage, had

pytestmark = pytest.mark.store


async def decided(stage: Stage, decision: Decision, *reasons: str) -> str:
    """A citizen requests help, and the session ends with this decision; returns the handle."""
    handle = await stage.arrives()
    await stage.asks(handle)
    folder = await stage.session(ANN)
    had(await stage.console.decide(stage.present(ANN), folder.ref, decision, reasons))
    return handle


async def test_the_notice_of_a_result_is_the_same_whatever_was_decided(stage: Stage) -> None:
    notices = []
    for decision, reasons in ((Decision.APPROVE, ()), (Decision.DECLINE, ("fraud_signals",))):
        handle = await decided(stage, decision, *reasons)
        case = await stage.case(handle)
        notices += [replace(n, id="", case=None, fields={}) for n in await stage.sent() if n.case == case.id]
    assert notices[0] == notices[1]
    assert notices[0].kind is NotificationKind.RESULT


async def test_an_unsafe_contact_receives_only_the_code_the_citizen_requests(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle, replace(WANTED, unsafe=True))
    await stage.approves()
    assert await stage.sent() == []
    await stage.binds(handle)
    assert [notice.kind for notice in await stage.sent()] == [NotificationKind.CODE]


async def test_more_evidence_brings_a_notice_and_the_citizen_says_when_they_are_ready(stage: Stage) -> None:
    handle = await decided(stage, Decision.MORE_EVIDENCE, "evidence_expired")
    view, _ = await stage.citizen.look(handle, ME)
    assert isinstance(view, CaseStatusView)
    assert view.status.stage is Stands.MORE_NEEDED
    assert [notice.kind for notice in await stage.sent()] == [NotificationKind.MORE_NEEDED]
    await stage.citizen.ready(handle, ME)
    assert (await stage.case(handle)).state is CaseState.QUEUED


async def test_a_decline_is_shown_on_the_citizens_page_and_other_documents_can_be_shown(stage: Stage) -> None:
    handle = await decided(stage, Decision.DECLINE, "face_differs")
    view, _ = await stage.citizen.look(handle, ME)
    assert isinstance(view, FailureView)
    assert view.failed.failure is FailureClass.HELP_DECLINED
    assert NextStep.HELP in view.steps
    await stage.asks(handle)
    assert (await stage.status(handle)).stage is Stands.IN_LINE


async def test_a_stopped_case_looks_like_one_that_is_being_decided(stage: Stage) -> None:
    handle = await decided(stage, Decision.REFER, "safeguarding")
    view, _ = await stage.citizen.look(handle, ME)
    assert isinstance(view, CaseStatusView)
    assert view.status.stage is Stands.BEING_DECIDED


async def test_binding_tells_the_citizen_that_their_identity_was_used(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    await stage.approves()
    await stage.binds(handle)
    assert NotificationKind.CHECKED in {notice.kind for notice in await stage.sent()}


async def test_deadlines_expire_without_a_request(stage: Stage) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    case = await stage.case(handle)
    stage.clock.advance(14 * 86400)
    assert await expire_due_cases(stage.context) == 1
    assert await expire_due_cases(stage.context) == 0
    gone = await stage.facts.cases.load(case.id)
    assert gone is not None
    assert (gone.state, gone.erased) == (CaseState.EXPIRED, True)


async def test_the_case_stores_no_secret_in_plain(stage: Stage) -> None:
    handle = await stage.arrives()
    continuation = await stage.asks(handle)
    await stage.approves()
    code = await stage.code(handle)
    case = await stage.case(handle)
    stored = repr(replace(case, phrase=replace(case.phrase, first="", second="")))
    assert code not in stored
    assert normalize_user_code(continuation) not in stored
    assert "my-secret" not in stored
    assert case.browser == sha256_hex("my-secret")
    assert SERVICE.client_id in stored
