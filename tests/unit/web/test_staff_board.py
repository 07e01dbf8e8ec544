"""Staff console: the lead's board, incidents, questions to leads, people and sessions, and training that ends."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broker.platform.system import System
from tests.unit.web.staff import ADA, CARYS, MEI, RHYS, TOM, Ready, Stage, staged
from tests.unit.web.staff_forms import now

pytestmark = pytest.mark.store


async def test_the_board_shows_what_needs_a_lead_and_who_holds_what(stage: Stage) -> None:
    first = await stage.case()
    agent, lead = await stage.sign_in(CARYS), await stage.sign_in(RHYS)
    await agent.send("/next", "/")
    await agent.send(f"/cases/{first.id}/flag", f"/cases/{first.id}", {"reason": "coached"})
    await agent.send(f"/cases/{first.id}/ask-lead", f"/cases/{first.id}", {"note": "Is a letter enough?"})
    soon = await stage.case(expires=stage.system.now() + 3600)
    page = (await lead.get("/board")).text
    risk, rest = page.split('id="unseen"')
    unseen, questions = rest.split('id="questions"')
    assert soon.reference[4:] in risk
    assert first.reference[4:] not in risk
    assert first.reference[4:] in unseen
    assert first.reference[4:] in questions
    assert "Carys Bevan" in questions
    assert "1 / 1" in questions
    assert (await agent.get("/board")).status_code == 403
    tick = {f"case.{first.id}": str((await now(stage, first)).edit_version)}
    done = await lead.send("/cases/do", "/cases", {**tick, "do": "acknowledge"})
    assert done.headers["location"] == "/cases?done=1&left=0"
    assert (await now(stage, first)).flags[0].seen == RHYS.id
    assert first.reference[4:] not in (await lead.get("/board")).text.split('id="unseen"')[1].split('id="questions"')[0]


async def test_a_question_to_a_lead_is_answered_and_both_read_it(stage: Stage) -> None:
    case = await stage.case()
    agent, lead = await stage.sign_in(CARYS), await stage.sign_in(RHYS)
    await agent.send("/next", "/")
    at = f"/cases/{case.id}"
    asked = await agent.send(f"{at}/ask-lead", at, {"note": "Is a letter <enough>?"})
    assert asked.headers["location"] == f"{at}?told=lead_asked"
    refused = await agent.send(f"{at}/ask-lead", at, {"note": "Another?"})
    assert refused.headers["location"] == f"{at}?problem=not_now"
    assert "Is a letter &lt;enough&gt;?" in (await agent.get(at)).text
    await lead.send("/open", "/", {"reference": case.reference, "reason": "follow_up"})
    await lead.send(f"{at}/answer-question", at, {"note": "Yes, if it is of this year."})
    assert "Yes, if it is of this year." in (await agent.get(at)).text
    thread = (await now(stage, case)).threads[0]
    assert (thread.by, thread.answered_by) == (CARYS.id, RHYS.id)


async def test_a_question_that_seems_to_hold_a_secret_is_refused_and_not_kept(stage: Stage) -> None:
    case = await stage.case()
    agent, at = await stage.sign_in(CARYS), f"/cases/{case.id}"
    await agent.send("/next", "/")
    refused = await agent.send(f"{at}/ask-lead", at, {"note": "the password: hunter2hunter2"})
    assert "problem=note" in refused.headers["location"]
    assert "hunter2" not in (await agent.get(at)).text


async def test_an_admin_ends_the_sessions_of_a_member_of_staff(stage: Stage) -> None:
    agent, admin, lead = await stage.sign_in(CARYS), await stage.sign_in(ADA), await stage.sign_in(RHYS)
    again = await stage.sign_in(CARYS)
    assert "End their sessions" in (await admin.get("/people")).text
    assert "End their sessions" not in (await lead.get("/people")).text
    assert (await lead.send("/people/end", "/people", {"member": "carys"})).status_code == 403
    assert (await agent.get("/people")).status_code == 403
    await admin.send("/people/end", "/people", {"member": "carys"})
    for gone in (agent, again):
        assert (await gone.get("/")).headers["location"].startswith("/sign-in")
    assert (await lead.get("/")).status_code == 200
    [row] = [row for _, row in await stage.facts.audit.read(0, 50) if row.kind == "staff_sessions_ended"]
    assert (row.actor, row.details["member"]) == ("staff:ada", "carys")


@pytest.mark.parametrize("days", [0, -1])
async def test_a_skill_whose_training_has_ended_opens_no_check(
    console_ready: Ready, tmp_path: Path, system: System, days: int
) -> None:
    until = (datetime.fromtimestamp(system.now(), UTC) + timedelta(days=days)).date().isoformat()
    mei = replace(MEI, training={"chip": until})
    async with staged(console_ready, tmp_path, system, people={one.id: one for one in (mei, RHYS, TOM)}) as stage:
        cookie = await stage.session(mei)
        app = stage.app
        assert app is not None
        people = (await (await stage.sign_in(RHYS)).get("/people")).text
        row = people[people.index("Mei Lindqvist") :]
        trained = row[row.index('data-label="Trained for"') :].partition("</td>")[0]
        assert ("chip" in trained) == (days == 0)
        assert "light" in trained
        assert (await stage.client(cookie).get("/")).status_code == 200
