"""Staff console: the quality sample with its score sheets, and made-up cases among the next cases."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker.assisted.calibration import Exercise, check_name, made_up_cases
from broker.assisted.case_records import Decision
from broker.assisted.quality import sheet_form
from broker.model.audit import AuditEvent
from broker.platform.system import System
from tests.unit.web import staff as console
from tests.unit.web.staff import ADA, CARYS, MEI, RHYS, TOM, Ready, StaffClient, Stage, staged
from tests.unit.web.staff_forms import prepare_decision

pytestmark = pytest.mark.store
MARKS = {f"mark.{name}": "met" for name in sheet_form().sections}


@pytest.fixture
async def drawing(
    console_ready: Ready, tmp_path: Path, system: System, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stage]:
    """A console on which every decision is drawn."""
    monkeypatch.setattr(console, "TERMS", replace(console.TERMS, quality_sample=1.0))
    async with staged(console_ready, tmp_path, system) as opened:
        yield opened


async def decided(stage: Stage) -> tuple[StaffClient, str]:
    """Carys declined a case; her client, and the path of the score sheet."""
    case, agent = await stage.case(), await stage.sign_in(CARYS)
    at = await prepare_decision(agent, case)
    form = {"decision": "decline", "decline.details_differ": "yes", "note": "The second name is missing"}
    await agent.send(f"{at}/decision", f"{at}/decision", form)
    [sample] = await stage.facts.quality.open_samples(stage.system.now(), 10)
    return agent, f"/quality/{sample.id}"


async def test_a_score_sheet_is_filled_beside_what_was_recorded_and_read_by_lead_and_agent(drawing: Stage) -> None:
    agent, path = await decided(drawing)
    second, lead = await drawing.sign_in(MEI), await drawing.sign_in(RHYS)
    listed = (await second.get("/quality")).text
    assert f'href="{path}"' in listed
    assert "Averages" not in listed
    page = (await second.get(path)).text
    for text in ("Amina", "PQ8812345", "Details differ", "The second name is missing", "If it is not met"):
        assert text in page, text
    missing = await second.send(path, path, {**MARKS, "mark.notes": ""})
    assert missing.headers["location"] == f"{path}?problem=sections"
    secret = await second.send(path, path, {**MARKS, "note": "the code was 493027"})
    assert secret.headers["location"] == f"{path}?problem=note"
    done = await second.send(path, path, {**MARKS, "mark.sources": "partly", "note": "Look <again> next time"})
    assert done.headers["location"] == "/quality?told=scored"
    assert (await second.get(path)).headers["location"] == "/quality?problem=gone"
    results = (await lead.get("/quality")).text
    for text in ("Carys Bevan", "Mei Lindqvist", "1 drawn, 1 with a score sheet, 0 too late", "Look &lt;again&gt;"):
        assert text in results, text
    assert re.search(r'Carys Bevan</bdi>\s*</th>\s*<td data-label="Score sheets">1</td>', results)
    table = await lead.get("/quality.csv")
    assert table.text.splitlines() == ["agent,sheets,decision_not_met,made_up,unexpected", "carys,,,,"]
    assert table.headers["content-disposition"].startswith('attachment; filename="disagreement-')
    assert (await second.get("/quality.csv")).status_code == 403
    assert "Disagreement by agent" not in (await second.get("/quality")).text
    own = (await agent.get("/outcomes")).text
    assert "Look &lt;again&gt; next time" in own
    assert "Partly met" in own
    assert "Mei Lindqvist" not in own


async def test_the_agent_and_others_without_the_role_see_no_score_sheet(drawing: Stage) -> None:
    agent, path = await decided(drawing)
    for client in (agent, await drawing.sign_in(ADA)):
        assert (await client.get("/quality")).status_code == 403
        assert (await client.get(path)).status_code == 403
        assert (await client.send(path, "/outcomes", MARKS)).status_code in (303, 403)
    sample = await drawing.facts.quality.sample(path.rpartition("/")[2])
    assert sample is not None
    assert sample.scored is None
    assert "Quality sample" not in (await agent.get("/")).text
    lead = await drawing.sign_in(RHYS)
    forged = await lead.send(path, "/quality", MARKS, token="forged")
    assert forged.headers["location"] == f"{path}?problem=again"


async def test_a_made_up_case_comes_with_the_next_case_and_is_marked_afterwards(stage: Stage) -> None:
    real = await stage.case()
    agent, lead = await stage.sign_in(CARYS), await stage.sign_in(RHYS)
    wrong = await lead.send("/calibration", "/calibration", {"to": "carys", "count": "6"})
    assert wrong.headers["location"] == "/calibration?problem=choice"
    given = await lead.send("/calibration", "/calibration", {"to": "carys", "count": "1"})
    assert given.headers["location"] == "/calibration?told=given"
    task = (await agent.send("/next", "/")).headers["location"]
    assert task.startswith("/tasks/")
    [exercise] = await stage.facts.quality.waiting_exercises("carys")
    case = made_up_cases().cases[exercise.item]
    page = (await agent.get(task)).text
    assert "made-up" not in page
    for one in case.evidence:
        assert one.seen["en"].replace("'", "&#39;") in page
    answers = {
        f"check.{check_name(place, check)}": outcome.value
        for place, one in enumerate(case.evidence)
        for check, outcome in one.checks.items()
    }
    chosen = {"decision": case.decision.value, **{f"{case.decision.value}.{r}": "yes" for r in case.reasons}}
    assert (await agent.send(task, task, answers)).headers["location"] == f"{task}?problem=choice"
    assert (await agent.send(task, task, chosen)).headers["location"] == f"{task}?problem=reason"
    assert (await lead.get(task)).status_code == 404
    done = await agent.send(task, task, answers | chosen)
    assert done.headers["location"] == task
    shown = (await agent.get(task)).text
    assert "This was a made-up case" in shown
    assert "Your decision is as expected" in shown
    board = (await lead.get("/board")).text
    assert re.search(r"Carys Bevan</bdi>: 1 / 1 \(100 %\)", board)
    assert "Decisions by agent" in (await lead.get("/calibration")).text
    assert (await agent.send("/next", "/")).headers["location"] == f"/cases/{real.id}"


async def test_an_agent_asks_for_a_made_up_case_and_others_cannot(stage: Stage) -> None:
    agent, admin = await stage.sign_in(CARYS), await stage.sign_in(ADA)
    asked = await agent.send("/calibration", "/calibration")
    assert asked.headers["location"] == "/calibration?told=given"
    assert "They wait for you" in (await agent.get("/calibration")).text
    assert (await admin.get("/calibration")).status_code == 403
    assert (await agent.send("/calibration", "/calibration", {"to": "tom"})).status_code == 403
    task = (await agent.send("/next", "/")).headers["location"]
    decline = {"decision": Decision.APPROVE.value}
    forged = await agent.send(task, task, decline, token="forged")
    assert forged.headers["location"] == f"{task}?problem=again"


async def test_a_made_up_case_shows_its_evidence_and_photographs_as_a_real_one_does(stage: Stage) -> None:
    agent, other = await stage.sign_in(CARYS), await stage.sign_in(TOM)
    made = Exercise("exercise-1", CARYS.id, "another_face", RHYS.id, stage.system.now())
    await stage.facts.quality.give([made], AuditEvent("calibration_given", stage.system.now(), "staff:rhys"))
    page = (await agent.get("/tasks/exercise-1")).text
    for text in ("107185703", "In date until 17 January 2048", "Document, the side with picture", "The citizen’s face"):
        assert text in page, text
    assert "Recorded " not in page
    images = re.findall(r'<img class="pt-image" src="([^"]+)"', page)
    assert images == ["/tasks/exercise-1/images/0/0", "/tasks/exercise-1/images/0/1"]
    for number, path in enumerate(images):
        image = await agent.get(path)
        assert image.content == made_up_cases().cases["another_face"].images(0)[number].file.read_bytes()
        assert (image.headers["content-type"], image.headers["cache-control"]) == ("image/jpeg", "no-store")
        assert "sandbox" in image.headers["content-security-policy"]
        assert (await other.get(path)).status_code == 404
    for wrong in ("0/2", "1/0", "0/-1", "x/0", "9/9"):
        assert (await agent.get(f"/tasks/exercise-1/images/{wrong}")).status_code == 404, wrong
