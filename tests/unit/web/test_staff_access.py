"""Staff console: reviews of access, with the last use of each role, confirmed by a lead and never for oneself."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broker.actions.people.access import ROLE_OF
from broker.model.staff import StaffMember
from broker.platform.system import System
from tests.support.system import FakeClock
from tests.unit.web.staff import ADA, CARYS, MEI, PEOPLE, RHYS, R, Ready, Stage, staged
from tests.unit.web.staff_forms import prepare_decision

pytestmark = pytest.mark.store

DAY = 24 * 3600
NIA = StaffMember("nia", "staff-nia", "Nia Ortiz", frozenset({R.AUDITOR}))


@pytest.fixture
async def office(console_ready: Ready, tmp_path: Path, system: System) -> AsyncIterator[Stage]:
    """The console with an auditor."""
    async with staged(console_ready, tmp_path, system, people={**PEOPLE, NIA.id: NIA}) as stage:
        yield stage


def row(page: str, name: str) -> str:
    """The row of one person."""
    return page[page.index(f"<bdi>{name}</bdi>") :].partition("</tr>")[0]


async def test_a_review_shows_the_last_use_of_each_role_and_is_due_until_it_is_confirmed(
    office: Stage, clock: FakeClock
) -> None:
    case = await office.case()
    await prepare_decision(await office.sign_in(MEI), case)
    lead = await office.sign_in(RHYS)
    page = (await lead.get("/access")).text
    used = row(page, "Mei Lindqvist")
    assert "second person: never" in used
    assert "agent: never" not in used
    assert "due now" in used
    assert "agent: never" in row(page, "Carys Bevan")
    assert "Due now: 6" in page
    assert "Due now:</strong>" not in (await lead.get("/board")).text
    assert "Due now: 6" in (await lead.get("/board")).text
    kept = await lead.send("/access/mei", "/access", {"do": "keep"}, edition="0-agent-reviewer")
    assert kept.headers["location"] == "/access?told=access_kept"
    page = (await lead.get("/access")).text
    assert "due now" not in row(page, "Mei Lindqvist")
    assert "Rhys Adeyemi" in row(page, "Mei Lindqvist")
    assert "Due now: 5" in page
    [event] = [one for _, one in await office.facts.audit.read(0, 100) if one.kind == "access_reviewed"]
    assert event.details == {"member": "mei", "roles": "agent reviewer", "kept": "true"}
    clock.advance(90 * DAY)
    assert "due now" in row((await (await office.sign_in(RHYS)).get("/access")).text, "Mei Lindqvist")


async def test_asking_that_roles_go_waits_for_an_admin_and_leaves_the_review_due(office: Stage) -> None:
    lead, admin = await office.sign_in(RHYS), await office.sign_in(ADA)
    asked = await lead.send("/access/carys", "/access", {"do": "remove"}, edition="0-agent")
    assert asked.headers["location"] == "/access?told=change_asked"
    assert "due now" in row((await lead.get("/access")).text, "Carys Bevan")
    [change] = await office.facts.people.changes(office.system.now())
    assert change.after == frozenset()
    await admin.send(f"/role-changes/{change.id}", "/people", {"do": "approve"})
    assert "Carys Bevan" not in (await lead.get("/access")).text


async def test_nobody_reviews_their_own_access_nor_without_the_role_nor_of_an_earlier_state(office: Stage) -> None:
    lead, auditor, agent = [await office.sign_in(one) for one in (RHYS, NIA, CARYS)]
    own = await lead.send("/access/rhys", "/access", {"do": "keep"}, edition="0-auditor-lead")
    assert own.headers["location"] == "/access?problem=own"
    assert 'value="keep"' not in row((await lead.get("/access")).text, "Rhys Adeyemi")
    stale = await lead.send("/access/carys", "/access", {"do": "keep"}, edition="1-agent")
    assert stale.headers["location"] == "/access?problem=stale"
    unknown = await lead.send("/access/nobody", "/access", {"do": "keep"}, edition="0-")
    assert unknown.headers["location"] == "/access?problem=stale"
    assert (await auditor.send("/access/carys", "/access", {"do": "keep"}, edition="0-agent")).status_code == 403
    assert 'value="keep"' not in (await auditor.get("/access")).text
    assert (await agent.get("/access")).status_code == 403
    assert not await office.facts.people.reviews()


def test_each_act_that_shows_the_use_of_a_role_is_an_act_of_that_role() -> None:
    assert set(ROLE_OF.values()) == {R.AGENT, R.REVIEWER, R.LEAD, R.AUDITOR, R.ADMIN}
