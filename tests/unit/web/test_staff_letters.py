"""Staff print letters with their envelope and mark them as posted; nobody with a part in a case opens its letters."""

from dataclasses import replace

import pytest

from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_states import CaseState
from broker.assisted.case_work import CaseWork
from broker.model.notification import NoticeStatus, Notification, NotificationKind
from tests.unit.assisted.cases import TO
from tests.unit.web.staff import CARYS, RHYS, Stage

pytestmark = pytest.mark.store

HOME = "Ada Lovelace\n12 St James's Square\nLondon\nSW1Y 4JH"


async def written(stage: Stage, case: Case) -> None:
    """A letter with a code for the citizen of a case."""
    now, fields = stage.system.now(), {"code": "123456", "life": "600", "reference": case.reference}
    letter = Notification("letter-1", NotificationKind.CODE, "post", HOME, "cy", now, now + 600, fields, case.id)
    later = replace(case, version=case.version + 1)
    assert await stage.facts.cases.save(later, (), CaseWork(notices=(letter,)))


async def test_a_letter_is_listed_printed_and_posted_and_each_step_is_recorded(stage: Stage) -> None:
    case, context = await stage.case(), await stage.sign_in(RHYS)
    await written(stage, case)
    assert 'href="/letters"' in (await context.get("/")).text
    listed = (await context.get("/letters")).text
    assert 'href="/letters/letter-1"' in listed
    assert "SW1Y" not in listed
    page = await context.get("/letters/letter-1")
    for line in HOME.replace("'", "&#39;").split("\n"):
        assert f"<bdi>{line}</bdi>" in page.text
    assert "Eich cod yw 123456." in page.text
    assert '<article lang="cy"' in page.text
    assert "no-store" in page.headers["cache-control"]
    told = await context.send("/letters/letter-1/posted", "/letters")
    assert told.headers["location"] == "/letters?told=posted"
    assert "No letter waits." in (await context.get("/letters")).text
    [found] = await stage.facts.notices.of_case(case.id, stage.system.now())
    assert found.status is NoticeStatus.SENT
    rows = [event for _, event in await stage.facts.audit.read(0, 100) if event.kind.startswith("letter")]
    assert [(row.kind, row.actor, row.case) for row in rows] == [
        (kind, f"staff:{RHYS.id}", case.id) for kind in ("letter_opened", "letter_posted")
    ]
    again = await context.get("/letters/letter-1")
    assert again.headers["location"] == "/letters?problem=no_letter"


async def test_the_agent_of_a_case_never_opens_or_posts_its_code(stage: Stage) -> None:
    worked = tuple(
        replace(event, by=CARYS.id) if isinstance(event, ev.Claimed) else event for event in TO[CaseState.CLAIMED]
    )
    case, context = await stage.case(*worked[2:]), await stage.sign_in(CARYS)
    await written(stage, case)
    page = await context.get("/letters/letter-1")
    assert page.status_code == 403
    assert "SW1Y" not in page.text
    assert "123456" not in page.text
    refused = await context.send("/letters/letter-1/posted", "/letters")
    assert refused.status_code == 403
    [found] = await stage.facts.notices.of_case(case.id, stage.system.now())
    assert found.status is NoticeStatus.WAITING
    assert [event.kind for _, event in await stage.facts.audit.read(0, 100) if event.kind.startswith("letter")] == []
