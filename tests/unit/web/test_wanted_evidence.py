"""Staff ask for more evidence by name, and the citizen reads the names in their language."""

import pytest

from broker.assisted import events as ev
from broker.assisted.case_records import Channel
from broker.assisted.case_states import CaseState
from tests.unit.web.staff import CARYS, Stage
from tests.unit.web.staff_forms import now

pytestmark = pytest.mark.store


async def test_the_kinds_that_would_help_are_kept_with_the_case_and_survive_a_refused_form(stage: Stage) -> None:
    case = await stage.case(ev.Claimed(CARYS.id), ev.SessionStarted(CARYS.id, Channel.VIDEO), ev.SessionEnded(CARYS.id))
    agent, form = await stage.sign_in(CARYS), f"/cases/{case.id}/decision"
    page = (await agent.get(form)).text
    assert 'name="wanted.passport"' in page
    assert 'name="wanted.own_device"' not in page
    wanted = {
        "decision": "more_evidence",
        "wanted.passport": "yes",
        "wanted.spaceship": "yes",
        "wanted.own_device": "yes",
    }
    refused = await agent.send(form, form, wanted)
    assert refused.headers["location"] == f"{form}?problem=reason"
    assert 'name="wanted.passport" type="checkbox" value="yes" checked' in (await agent.get(form)).text
    await agent.send(form, form, {**wanted, "more_evidence.evidence_missing": "yes"})
    after = await now(stage, case)
    assert (after.state, after.wanted) == (CaseState.REQUESTED, ("passport",))


async def test_another_decision_asks_for_nothing(stage: Stage) -> None:
    case = await stage.case(ev.Claimed(CARYS.id), ev.SessionStarted(CARYS.id, Channel.VIDEO), ev.SessionEnded(CARYS.id))
    agent, form = await stage.sign_in(CARYS), f"/cases/{case.id}/decision"
    await agent.send(form, form, {"decision": "decline", "decline.details_differ": "yes", "wanted.passport": "yes"})
    assert (await now(stage, case)).wanted == ()
