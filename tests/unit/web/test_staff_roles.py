"""Staff console: what each role may do, and flags."""

import pytest

from broker.assisted import events as ev
from broker.assisted.case_states import CaseState
from tests.unit.web.staff import ADA, CARYS, MEI, RHYS, TOM, Stage
from tests.unit.web.staff_forms import now, prepare_decision

pytestmark = pytest.mark.store

LEAD_VERBS = {
    "hold": "doubt",
    "take-back": "absent_colleague",
    "end-hold": "cleared",
    "decline": "",
    "revoke": "not_me",
}


@pytest.mark.parametrize("who", [MEI, CARYS, ADA], ids=lambda one: one.id)
@pytest.mark.parametrize("verb", LEAD_VERBS)
async def test_lead_actions_are_refused_to_other_roles(stage: Stage, who: object, verb: str) -> None:
    case = await stage.case(ev.Held(RHYS.id, "doubt"))
    before = await now(stage, case)
    context = await stage.sign_in(who)  # type: ignore[arg-type]
    form = {"reason.details_differ": "yes", "edition": str(before.edit_version)}
    refused = await context.send(f"/cases/{case.id}/{verb}", "/", form | {"reason": LEAD_VERBS[verb]})
    assert (refused.status_code, "This is not for you" in refused.text) == (403, True)
    assert await now(stage, case) == before


@pytest.mark.parametrize("who", [RHYS, ADA], ids=lambda one: one.id)
async def test_only_agents_claim_and_decide_cases(stage: Stage, who: object) -> None:
    case = await stage.case()
    context = await stage.sign_in(who)  # type: ignore[arg-type]
    assert "Take the next case" not in (await context.get("/")).text
    assert (await context.send("/next", "/")).headers["location"] == "/?problem=nothing"
    before = await now(stage, case)
    for verb, form in (
        ("start", {"channel": "video"}),
        ("end", {}),
        ("decision", {"decision": "decline", "decline.details_differ": "yes"}),
        ("view", {"decision": "approve"}),
        ("review", {"decision": "agree"}),
    ):
        refused = await context.send(f"/cases/{case.id}/{verb}", "/", form, edition=str(before.edit_version))
        assert refused.status_code == 403, verb
        assert "This is not for you" in refused.text
    assert await now(stage, case) == before


async def test_an_administrator_opens_no_case(stage: Stage) -> None:
    await stage.case()
    context = await stage.sign_in(ADA)
    refused = await context.send("/open", "/", {"reference": "BCDF0001", "reason": "audit"})
    assert refused.status_code == 403


async def test_a_lead_holds_a_case_lets_it_go_on_and_reads_its_history(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(RHYS)
    at = f"/cases/{case.id}"
    await context.send("/open", "/", {"reference": "BCDF0001", "reason": "safeguarding"})
    held = await context.send(f"{at}/hold", at, {"reason": "safeguarding"})
    assert held.headers["location"] == "/done/settled"
    page = (await context.get(at)).text
    assert "Let the case go on" in page
    assert "Rhys Adeyemi" in page
    assert "Somebody may be in danger" in page
    await context.send(f"{at}/end-hold", at, {"reason": "cleared"})
    assert (await now(stage, case)).state is CaseState.QUEUED


@pytest.mark.parametrize("page", ["", "/person", "/details", "/evidence/e1", "/decision"])
async def test_a_flag_can_be_raised_on_every_page_of_a_case_and_shows_nowhere(stage: Stage, page: str) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = await prepare_decision(context, case)
    here = f"{at}{page}"
    assert 'action="/cases/case-1/flag"' in (await context.get(here)).text
    raised = await context.send(f"{at}/flag", here, {"reason": "under_pressure", "back": here})
    assert raised.headers["location"] == f"{here}?told=noted"
    flags = (await now(stage, case)).flags
    assert [(flag.by, flag.reason) for flag in flags] == [(CARYS.id, "under_pressure")]
    other = await stage.sign_in(TOM)
    await other.send("/open", "/", {"reference": "BCDF0001", "reason": "follow_up"})
    assert "Somebody is under pressure</bdi>" not in (await other.get(at)).text


async def test_the_way_back_from_a_flag_leads_nowhere_else(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    await context.send("/next", "/")
    at = f"/cases/{case.id}"
    raised = await context.send(f"{at}/flag", at, {"reason": "coached", "back": "//evil.test/"})
    assert raised.headers["location"] == "/?told=noted"


async def test_an_agent_with_a_conflict_of_interest_does_not_get_the_case_again(stage: Stage) -> None:
    case = await stage.case()
    context = await stage.sign_in(CARYS)
    at = f"/cases/{case.id}"
    await context.send("/next", "/")
    gone = await context.send(f"{at}/interest", at)
    assert gone.headers["location"] == "/done/stranger"
    assert (await context.send("/next", "/")).headers["location"] == "/?problem=nothing"
