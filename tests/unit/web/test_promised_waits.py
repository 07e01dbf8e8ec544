"""What citizens read of the time by which staff promise to talk to them: only what was kept, and while it holds."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker.actions.assisted.reports import Reports, count_new
from broker.assisted.case_records import Channel
from broker.model.audit import AuditEvent
from broker.web.shared.pages import PageRenderer
from tests.support.system import FakeClock
from tests.unit.actions.assisted.case_harness import Stage, staged
from tests.unit.web.staff import Ready
from tests.unit.web.test_citizen_meetings import ASK, POLICY, comes

pytestmark = pytest.mark.store


@pytest.fixture
async def stage(console_ready: Ready, tmp_path: Path) -> AsyncIterator[Stage]:
    """A broker whose staff promise to talk to citizens of the video channel within two hours."""
    video = replace(POLICY.channels[Channel.VIDEO], promise=7200)
    policy = replace(POLICY, channels={Channel.VIDEO: video})
    async with staged(console_ready.database, tmp_path, FakeClock()) as opened:
        context = replace(opened.context, rules=replace(opened.context.rules, policy=policy))
        yield replace(opened, context=context, citizen_cases=replace(opened.citizen_cases, context=context))


async def test_a_promise_is_read_while_it_holds_and_then_that_it_was_missed(
    stage: Stage, written: PageRenderer
) -> None:
    citizen = await comes(stage, written)
    text = await citizen.text("/help")
    assert text.count("We talk to you within 2 hours of our opening hours.") == 1
    await citizen.post("/help", **ASK)
    await citizen.post("/ready")
    case = await citizen.case()
    assert case.promise is not None
    assert re.search(r"By .*?\d\d:\d\d at the latest we talk to you\.", await citizen.text())
    stage.clock.advance(case.promise.until - stage.clock.now())
    text = await citizen.text()
    assert "at the latest we talk to you" not in text
    assert "We are sorry. You keep your place." in text
    [missed] = await stage.audit("case_promise_missed")
    assert (missed.case, missed.actor) == (case.id, "broker")


async def test_a_promise_that_was_often_missed_is_not_made_to_the_next_citizen(
    stage: Stage, written: PageRenderer
) -> None:
    citizen, at = await comes(stage, written), stage.clock.now() - 60
    details = {"reason": "", "channel": "video", "language": "en", "role": "clock", "from": "queued", "to": "queued"}
    rows = [AuditEvent("case_promise_missed", at, "broker", case=f"past-{n}", details=details) for n in range(20)]
    await stage.facts.audit.write(rows)
    await stage.facts.audit_chain.seal_once()
    await count_new(Reports(stage.facts.measures, stage.context.system))
    assert "We talk to you within" not in await citizen.text("/help")
