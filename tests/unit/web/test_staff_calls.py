"""Staff console: calls to citizens who asked for one, and new tries after spent ones."""

import re
from dataclasses import replace

import pytest

from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Channel, Decision, Verdict
from broker.assisted.case_states import CaseState
from broker.model.assurance import Level
from tests.unit.web.staff import ADA, CARYS, MEI, RHYS, TOM, Stage
from tests.unit.web.staff_forms import now

pytestmark = pytest.mark.store
DONE = (
    ev.Claimed(CARYS.id),
    ev.SessionStarted(CARYS.id, Channel.VIDEO),
    ev.WordsExchanged(CARYS.id),
    ev.DetailsRecorded(CARYS.id, {"given_name": "Ada"}),
    ev.SessionEnded(CARYS.id),
)


async def approved(stage: Stage, *more: ev.Event) -> Case:
    """An approved case, with further events."""
    verdict = Verdict(CARYS.id, stage.system.now(), Decision.APPROVE, level=Level.SUBSTANTIAL)
    return await stage.case(*DONE, ev.Decided(verdict), *more)


async def wanted(stage: Stage) -> Case:
    """An approved case whose citizen wants a call."""
    moment = stage.system.now()
    return await approved(stage, ev.CallBackRequested(moment, moment + 3600))


async def test_an_agent_takes_the_next_call_and_reads_number_reference_and_code(stage: Stage) -> None:
    case = await wanted(stage)
    agent = await stage.sign_in(TOM)
    assert "Make the next call" in (await agent.get("/")).text
    taken = await agent.send("/calls/next", "/")
    assert taken.headers["location"] == f"/calls/{case.id}"
    page = (await agent.get(f"/calls/{case.id}")).text
    assert "+441632960001" in page
    assert case.reference[:4] in page
    assert "Ada" not in page
    assert "Make the next call" not in (await agent.get("/")).text
    for other in (CARYS, MEI, RHYS):
        refused = await (await stage.sign_in(other)).get(f"/calls/{case.id}")
        assert (refused.status_code, "+44163" in refused.text) == (404, False)


async def test_a_citizen_who_was_not_reached_may_ask_again(stage: Stage) -> None:
    case = await wanted(stage)
    agent = await stage.sign_in(TOM)
    at = f"/calls/{case.id}"
    await agent.send("/calls/next", "/")
    refused = await agent.send(f"{at}/missed", at, {"reason": "bored"})
    assert refused.headers["location"] == f"{at}?problem=reason"
    done = await agent.send(f"{at}/missed", at, {"reason": "other_person"})
    assert done.headers["location"] == "/?told=saved"
    assert (await agent.get(at)).status_code == 404
    after = await now(stage, case)
    assert (after.call, after.calls, after.state) == (None, 1, CaseState.APPROVED)


async def test_no_page_of_the_console_takes_the_code_of_a_call(stage: Stage) -> None:
    case = await wanted(stage)
    agent = await stage.sign_in(TOM)
    await agent.send("/calls/next", "/")
    page = (await agent.get(f"/calls/{case.id}")).text
    assert {"code", "call", "words"}.isdisjoint(re.findall(r'name="([^"]*)"', page))
    before = await now(stage, case)
    tried = await agent.send(f"/calls/{case.id}/bind", f"/calls/{case.id}", {"code": "123456"})
    assert tried.status_code == 404
    assert await now(stage, case) == before


@pytest.mark.parametrize("who", [ADA, RHYS], ids=lambda one: one.id)
async def test_only_agents_make_calls(stage: Stage, who: object) -> None:
    case = await wanted(stage)
    member = await stage.sign_in(who)  # type: ignore[arg-type]
    assert "Make the next call" not in (await member.get("/")).text
    assert (await member.send("/calls/next", "/")).headers["location"] == "/?problem=nothing"
    assert (await now(stage, case)).call == case.call


async def test_a_lead_gives_new_tries(stage: Stage) -> None:
    case = await approved(stage, ev.AttemptsExhausted())
    lead = await stage.sign_in(RHYS)
    at = f"/cases/{case.id}"
    await lead.send("/open", "/", {"reference": case.reference, "reason": "follow_up"})
    assert "Let the citizen try again" in (await lead.get(at)).text
    done = await lead.send(f"{at}/new-tries", at, {"reason": "cleared"})
    assert done.headers["location"] == "/done/settled"
    after = await now(stage, case)
    assert (after.state, after.bind_round) == (CaseState.APPROVED, 1)


async def test_a_case_that_was_referred_offers_no_new_tries(stage: Stage) -> None:
    verdict = Verdict(CARYS.id, stage.system.now(), Decision.REFER, ("doubt",))
    case = await stage.case(*DONE, ev.Decided(verdict))
    lead = await stage.sign_in(RHYS)
    at = f"/cases/{case.id}"
    await lead.send("/open", "/", {"reference": case.reference, "reason": "follow_up"})
    assert "Let the citizen try again" not in (await lead.get(at)).text
    await lead.send(f"{at}/new-tries", at, {"reason": "cleared"})
    held = await now(stage, case)
    assert held.state is CaseState.HELD
    assert replace(held, edit_version=0).verdict == verdict
