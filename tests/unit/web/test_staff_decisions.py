"""Staff console: decisions and reviews."""

import re

import pytest

from broker.assisted.case_states import CaseState
from broker.model.audit import AuditEvent
from broker.model.backchannel_request import BackchannelState
from tests.support.system import FakeClock
from tests.unit.web.staff import CARYS, FRESH, MEI, RHYS, Stage, hidden
from tests.unit.web.staff_forms import case_in_review, now, prepare_decision

pytestmark = pytest.mark.store


async def test_a_note_that_looks_like_a_code_is_refused_and_not_kept_anywhere(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = await prepare_decision(context, case)
    form = {"decision": "decline", "decline.details_differ": "yes", "note": "the code was 493027"}
    response = await context.send(f"{at}/decision", f"{at}/decision", form)
    assert response.headers["location"] == f"{at}/decision?problem=note"
    page = (await context.get(response.headers["location"])).text
    assert "493027" not in page
    assert re.search(r'id="decision-decline"[^>]* checked', page)
    assert re.search(r'id="decline-details_differ"[^>]* checked', page)
    assert (await now(stage, case)).state is CaseState.DECISION


async def test_the_citizen_is_asked_with_the_words_that_both_see(stage: Stage) -> None:
    case, context = await stage.case(), await stage.sign_in(CARYS)
    at = await prepare_decision(context, case)
    page = (await context.get(at)).text
    assert "What do you ask the citizen to confirm?" in page
    assert "own_device" not in page
    done = await context.send(f"{at}/ask", at, {"message": "https://elsewhere.example"})
    assert done.headers["location"] == f"{at}?problem=message"
    done = await context.send(f"{at}/ask", at, {"message": "Your call <with> us"})
    assert done.headers["location"] == f"{at}?told=asked"
    [question] = await stage.facts.questions.of_case(case.id)
    page = (await context.get(at)).text
    assert "Your call &lt;with&gt; us" in page
    assert question.code in page
    assert "id.test/confirm" in page
    done = await context.send(f"{at}/ask", at, {"message": "Another"})
    assert done.headers["location"] == f"{at}?problem=asked"
    event = AuditEvent("question_declined", question.created, "citizen")
    assert await stage.facts.questions.end(question.id, BackchannelState.DECLINED, question.created, [event])
    page = (await context.get(at)).text
    assert "The citizen declined." in page
    assert question.code not in page


async def test_a_decision_against_the_citizen_needs_a_listed_reason(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = await prepare_decision(context, case)
    for form in ({"decision": "decline"}, {"decision": "decline", "decline.convinced": "yes"}):
        response = await context.send(f"{at}/decision", f"{at}/decision", form)
        assert "problem=reason" in response.headers["location"]
    assert (await now(stage, case)).state is CaseState.DECISION


async def test_a_decision_needs_a_fresh_sign_in(stage: Stage, clock: FakeClock) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = await prepare_decision(context, case)
    filled = hidden((await context.get(f"{at}/decision")).text)
    clock.advance(FRESH)
    page = await context.get(f"{at}/decision")
    assert "Show that it is still you" in page.text
    assert f'/sign-in/go?then={at}/decision"' in page.text
    late = await context.client.post(
        f"{at}/decision", data=filled | {"decision": "approve"}, headers=dict(context.headers)
    )
    assert late.headers["location"] == f"{at}/decision"
    assert (await now(stage, case)).state is CaseState.DECISION
    again = await stage.sign_in(CARYS)
    await again.send(f"{at}/decision", f"{at}/decision", {"decision": "approve"})
    assert (await now(stage, case)).state is CaseState.APPROVED


async def test_an_approval_is_not_offered_before_the_evidence_supports_it(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = f"/cases/{case.id}"
    await context.send("/next", "/")
    for step in ("start", "end"):
        await context.send(f"{at}/{step}", at, {"channel": "video"})
    page = (await context.get(f"{at}/decision")).text
    assert 'value="approve"' not in page
    assert "“Approve” is not offered" in page
    response = await context.send(f"{at}/decision", f"{at}/decision", {"decision": "approve"})
    assert "problem=level" in response.headers["location"]
    assert (await now(stage, case)).state is CaseState.DECISION


async def test_a_reviewer_gives_their_own_view_before_they_see_the_agents(stage: Stage) -> None:
    case, context = await case_in_review(stage)
    at = f"/cases/{case.id}"
    for page in (at, f"{at}/view"):
        text = (await context.get(page)).text
        assert "Calm and clear" not in text
        assert "What the agent decided" not in text
    assert (await context.get(f"{at}/review")).headers["location"] == f"{at}?problem=not_now"
    early = await context.send(f"{at}/review", at, {"decision": "agree"})
    assert early.headers["location"] == f"{at}?problem=not_now"
    assert (await now(stage, case)).review is None
    await context.send(f"{at}/view", f"{at}/view", {"decision": "approve"})
    assert "Calm and clear" in (await context.get(f"{at}/review")).text
    done = await context.send(f"{at}/review", f"{at}/review", {"decision": "agree"})
    assert done.headers["location"] == "/done/reviewed"
    assert (await now(stage, case)).state is CaseState.APPROVED


async def test_a_reviewer_who_disagrees_says_why_and_a_lead_gets_the_case(stage: Stage) -> None:
    case, context = await case_in_review(stage)
    at = f"/cases/{case.id}"
    await context.send(f"{at}/view", f"{at}/view", {"decision": "decline", "decline.face_differs": "yes"})
    response = await context.send(f"{at}/review", f"{at}/review", {"decision": "disagree"})
    assert "problem=reason" in response.headers["location"]
    await context.send(f"{at}/review", f"{at}/review", {"decision": "disagree", "disagree.face_differs": "yes"})
    assert (await now(stage, case)).state is CaseState.HELD
    lead = await stage.sign_in(RHYS)
    assert "BCDF 0001" in (await lead.get("/")).text


async def test_the_agent_of_a_case_is_never_its_reviewer(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(MEI)
    at = await prepare_decision(context, case)
    await context.send(f"{at}/flag", at, {"reason": "coached", "back": at})
    await context.send(f"{at}/decision", f"{at}/decision", {"decision": "approve"})
    assert (await now(stage, case)).state is CaseState.REVIEW
    assert (await context.send("/next", "/")).headers["location"] == "/?problem=nothing"
