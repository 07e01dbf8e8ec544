"""Staff console: leads publish feedback with an answer, or delete it, once and with an audit row."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker.model.audit import AuditEvent
from broker.model.feedback import LONGEST, SHOWN_FOR, Feedback, FeedbackWords, Rating
from broker.platform.system import System
from tests.unit.web.staff import ADA, CARYS, RHYS, Ready, Stage, staged

pytestmark = pytest.mark.store

TEXT = "The page is <slow>."


@pytest.fixture
async def office(console_ready: Ready, tmp_path: Path, system: System) -> AsyncIterator[Stage]:
    """The console with feedback that waits: one whose writer agreed, one whose writer did not."""
    async with staged(console_ready, tmp_path, system) as stage:
        now = stage.system.now()
        agreed = Feedback("f1", now, now + 86_400, Rating.POOR, "cy", public=True, words=FeedbackWords(TEXT))
        for one in (agreed, replace(agreed, id="f2", at=now + 1, public=False)):
            await stage.facts.feedback.give(one, AuditEvent("feedback_given", now, "citizen"))
        yield stage


async def rows(stage: Stage) -> list[tuple[str, str]]:
    """The audit rows of leads about feedback."""
    read = [row for _, row in await stage.facts.audit.read(0, 100)]
    return [(row.kind, row.actor) for row in read if row.kind.startswith("feedback_") and row.actor != "citizen"]


async def test_a_lead_publishes_feedback_with_an_answer(office: Stage) -> None:
    lead = await office.sign_in(RHYS)
    page = (await lead.get("/feedback")).text
    assert 'lang="cy">The page is &lt;slow&gt;.</p>' in page
    sent = await lead.send("/feedback/f1", "/feedback", {"do": "publish", "answer": " Thank you.\r\nIt is fixed. "})
    assert sent.headers["location"] == "/feedback?told=feedback_published"
    now = office.system.now()
    [found] = await office.facts.feedback.published(5, now)
    assert found.words == FeedbackWords(TEXT, "Thank you.\nIt is fixed.", "en")
    assert (found.published, found.expires) == (now, now + SHOWN_FOR)
    assert await rows(office) == [("feedback_published", "staff:rhys")]
    again = await lead.send("/feedback/f1", "/feedback", {"do": "delete"})
    assert again.headers["location"] == "/feedback?problem=feedback_gone"
    assert await rows(office) == [("feedback_published", "staff:rhys")]


@pytest.mark.parametrize(
    ("at", "form", "where"),
    [
        ("f2", {"do": "publish", "answer": "Thanks"}, "/feedback?problem=feedback_private"),
        ("f1", {"do": "publish", "answer": "x" * (LONGEST + 1)}, "/feedback?problem=feedback_long"),
        ("f3", {"do": "publish", "answer": "Thanks"}, "/feedback?problem=feedback_gone"),
        ("f1", {"do": "else"}, "/feedback?problem=choice"),
    ],
)
async def test_what_cannot_be_published_changes_nothing(
    office: Stage, at: str, form: dict[str, str], where: str
) -> None:
    lead = await office.sign_in(RHYS)
    assert (await lead.send(f"/feedback/{at}", "/feedback", form)).headers["location"] == where
    assert len(await office.facts.feedback.waiting(5, office.system.now())) == 2
    assert await rows(office) == []


async def test_a_lead_deletes_feedback_and_its_text_is_gone(office: Stage) -> None:
    lead = await office.sign_in(RHYS)
    sent = await lead.send("/feedback/f2", "/feedback", {"do": "delete"})
    assert sent.headers["location"] == "/feedback?told=feedback_deleted"
    assert [one.id for one in await office.facts.feedback.waiting(5, office.system.now())] == ["f1"]
    assert await rows(office) == [("feedback_deleted", "staff:rhys")]


async def test_only_leads_answer_and_agents_do_not_read(office: Stage) -> None:
    admin, agent = await office.sign_in(ADA), await office.sign_in(CARYS)
    assert "Publish</button>" not in (await admin.get("/feedback")).text
    assert (await agent.get("/feedback")).status_code == 403
    for client in (admin, agent):
        for do in ("publish", "delete"):
            assert (await client.send("/feedback/f1", "/", {"do": do})).status_code == 403
    assert await rows(office) == []


async def test_feedback_is_forgotten_after_its_time(office: Stage) -> None:
    later = office.system.now() + 2 * 86_400
    assert await office.facts.feedback.waiting(5, later) == []
    assert await office.facts.feedback.load("f1", later) is None
    await office.facts.sweep(later)
    assert await office.facts.feedback.waiting(5, office.system.now()) == []
