"""A citizen whom staff missed too often keeps the request open, or it closes; and removes the second address."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker.actions.assisted.expiry import expire_due_cases
from broker.assisted.case_records import Contact, ContactMethod
from broker.assisted.case_states import CaseState
from broker.model.notification import NoticeStatus, NotificationKind
from broker.web.shared.pages import PageRenderer
from tests.support.system import FakeClock
from tests.unit.actions.assisted.case_harness import Stage, staged
from tests.unit.web.staff import Ready
from tests.unit.web.test_citizen_meetings import ASK, POLICY, Citizen, comes

pytestmark = pytest.mark.store

SECOND = "07700 900982"


@pytest.fixture
async def citizen(console_ready: Ready, tmp_path: Path, written: PageRenderer) -> AsyncIterator[Citizen]:
    """A citizen who asked for a person, and gave two addresses."""
    async with staged(console_ready.database, tmp_path, FakeClock()) as opened:
        prompts = replace(opened.context.prompts, contact_methods=frozenset({"email", "phone"}))
        rules = replace(opened.context.rules, policy=POLICY)
        context = replace(opened.context, rules=rules, prompts=prompts)
        stage = replace(opened, context=context, citizen_cases=replace(opened.citizen_cases, context=context))
        asking = await comes(stage, written)
        await asking.post("/help", **ASK, second=SECOND)
        yield asking


async def closing(citizen: Citizen) -> float:
    """Staff missed the citizen for the third time. Returns when the request closes."""
    case, at = await citizen.case(), citizen.stage.clock.now() + POLICY.closing
    gone = replace(case, state=CaseState.REQUESTED, missed=3, closing=at, deadline=at, version=case.version + 1)
    assert await citizen.stage.facts.cases.save(gone, ())
    return at


async def kinds(stage: Stage) -> list[tuple[NotificationKind, str]]:
    """The notices that wait to be sent, by kind and address."""
    now = stage.clock.now()
    lanes = [stage.facts.notices.lane(way) for way in ("email", "phone")]
    return [(one.kind, one.address) for lane in lanes for one in await lane.claim(now, now, 50)]


async def test_the_page_says_until_when_and_one_press_keeps_the_request_open(citizen: Citizen) -> None:
    await closing(citizen)
    text = await citizen.text()
    assert "We could not reach you Your request closes on " in text
    assert "You have time until" not in text
    assert "Keep my request open" in text
    assert (await citizen.post("/keep-open")).headers["location"] == citizen.base
    case = await citizen.case()
    assert (case.closing, case.missed, case.deadline) == (None, 0, citizen.stage.clock.now() + POLICY.requested)
    assert "We could not reach you" not in await citizen.text()
    rows = [event.kind for _, event in await citizen.stage.facts.audit.read(0, 100)]
    assert rows[-1] == "case_kept_open"


async def test_after_the_deadline_it_closes_and_both_addresses_read_how_to_ask_again(citizen: Citizen) -> None:
    at, earlier = await closing(citizen), await citizen.case()
    citizen.stage.clock.advance(at - citizen.stage.clock.now())
    await expire_due_cases(citizen.stage.context)
    case = await citizen.stage.facts.cases.load(earlier.id)
    assert case is not None
    assert (case.state, case.erased) == (CaseState.EXPIRED, True)
    assert await kinds(citizen.stage) == [
        (NotificationKind.CLOSED, "ada@example.org"),
        (NotificationKind.CLOSED, "+447700900982"),
    ]


async def test_the_second_address_is_removed_and_both_are_told(citizen: Citizen) -> None:
    assert "If …982 is not right any more, remove it. We send a message about it to both addresses." in (
        (await citizen.text()).replace("\u2068", "").replace("\u2069", "")
    )
    await kinds(citizen.stage)
    assert (await citizen.post("/remove-second")).headers["location"] == citizen.base
    case = await citizen.case()
    assert case.second_contact is None
    assert case.contact == Contact(ContactMethod.EMAIL, "ada@example.org")
    told = [one for one in await kinds(citizen.stage) if one[0] is NotificationKind.ADDRESS_REMOVED]
    assert [address for _, address in told] == ["ada@example.org", "+447700900982"]
    assert "Remove the second address" not in await citizen.text()


async def test_a_request_that_is_taken_back_withdraws_what_waits_and_keeps_the_warning(citizen: Citizen) -> None:
    await citizen.post("/remove-second")
    citizen.stage.clock.advance(1)
    case, now = await citizen.case(), citizen.stage.clock.now()
    await citizen.post("/withdraw")
    found = {(one.kind, one.status) for one in await citizen.stage.facts.notices.of_case(case.id, now)}
    assert found == {
        (NotificationKind.ASKED, NoticeStatus.WITHDRAWN),
        (NotificationKind.ADDRESS_REMOVED, NoticeStatus.WAITING),
    }


@pytest.mark.parametrize("unsafe", [True, False])
async def test_the_page_promises_a_message_only_if_one_is_sent(citizen: Citizen, *, unsafe: bool) -> None:
    case = await citizen.case()
    safety = replace(case.safety, unsafe=unsafe)
    changed = replace(case, state=CaseState.REVIEW, safety=safety, version=case.version + 1)
    assert await citizen.stage.facts.cases.save(changed, ())
    text = await citizen.text()
    assert ("We tell you when it is done" in text) is not unsafe
    assert ("We send no messages, since you said that they are not safe for you" in text) is unsafe
