"""Staff console: concurrent edits of a case and expired leases."""

import pytest

from broker.assisted.case_states import CaseState
from tests.support.system import FakeClock
from tests.unit.web.staff import CARYS, RHYS, TERMS, Stage, hidden
from tests.unit.web.staff_forms import DETAILS, now, prepare_decision

pytestmark = pytest.mark.store


async def test_of_two_tabs_the_second_learns_that_the_case_has_changed(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = await prepare_decision(context, case)
    stale = hidden((await context.get(f"{at}/details")).text)
    await context.send(f"{at}/details", f"{at}/details", DETAILS | {"field.given_name": "Aminah"})
    late = await context.client.post(f"{at}/details", data=stale | DETAILS, headers=dict(context.headers))
    assert late.headers["location"] == f"{at}/overtaken"
    assert "Somebody else was faster" in (await context.get(f"{at}/overtaken")).text
    assert (await now(stage, case)).details.claims["given_name"] == "Aminah"


async def test_a_lead_who_takes_a_case_back_is_faster_than_its_agent(stage: Stage) -> None:
    case = await stage.case()
    agent, lead = await stage.sign_in(CARYS), await stage.sign_in(RHYS)
    at = await prepare_decision(agent, case)
    filled = hidden((await agent.get(f"{at}/decision")).text)
    await lead.send("/open", "/", {"reference": "BCDF0001", "reason": "safeguarding"})
    await lead.send(f"{at}/take-back", at, {"reason": "absent_colleague"})
    await agent.client.post(f"{at}/decision", data=filled | {"decision": "approve"}, headers=dict(agent.headers))
    assert (await now(stage, case)).state is CaseState.QUEUED
    assert "This case is not open to you" in (await agent.get(at)).text


async def test_after_an_expired_lease_nothing_is_written_and_the_holder_sees_why(
    stage: Stage, clock: FakeClock
) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = await prepare_decision(context, case)
    filled = hidden((await context.get(f"{at}/decision")).text)
    clock.advance(TERMS.lease + 1)
    context = await stage.sign_in(CARYS)
    filled["token"] = hidden((await context.get("/")).text)["token"]
    late = await context.client.post(
        f"{at}/decision", data=filled | {"decision": "approve"}, headers=dict(context.headers)
    )
    assert late.headers["location"] == f"{at}/lapsed"
    page = (await context.get(f"{at}/lapsed")).text
    assert "Your time with this case ran out" in page
    assert "Your time with this case ran out" in (await context.get(at)).text
    assert (await now(stage, case)).state is CaseState.QUEUED


async def test_the_lease_shows_and_can_be_kept_longer(stage: Stage, clock: FakeClock) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = f"/cases/{case.id}"
    await context.send("/next", "/")
    assert "Yours until <strong>08:30</strong>" in (await context.get(at)).text
    clock.advance(600)
    await context.send(f"{at}/renew", at)
    assert "Yours until <strong>08:40</strong>" in (await context.get(at)).text
