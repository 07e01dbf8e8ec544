"""Staff see what became of messages to citizens, and receipts say what arrived."""

from collections.abc import Mapping
from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette

from broker.actions.outbox.notices import undelivered
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_states import CaseState
from broker.assisted.case_work import CaseWork
from broker.model.notification import NoticeStatus, Notification, NotificationKind
from broker.web.services.notice_receipts import receipt_routes
from broker.web.staff.sent_notices import KINDS, STATUSES, WAYS
from tests.unit.assisted.cases import TO
from tests.unit.web.staff import CARYS, RHYS, Stage

pytestmark = pytest.mark.store

ADDRESS = "ada@example.org"


async def written(stage: Stage, case: Case, *kinds: NotificationKind) -> None:
    """Notices of a case in the outbox; their ids are their kinds."""
    now = stage.system.now()
    notices = tuple(Notification(kind, kind, "email", ADDRESS, "en", now, now + 600, {}, case.id) for kind in kinds)
    assert await stage.facts.cases.save(replace(case, version=case.version + 1), (), CaseWork(notices=notices))


def test_every_kind_way_and_status_has_a_label() -> None:
    assert (KINDS.keys(), STATUSES.keys()) == (set(NotificationKind), set(NoticeStatus))
    assert set(WAYS) == {"email", "phone", "post"}


async def test_the_page_of_a_case_shows_what_became_of_its_messages(stage: Stage) -> None:
    case, context = await stage.case(), await stage.sign_in(CARYS)
    await written(stage, case, NotificationKind.ASKED, NotificationKind.RESULT, NotificationKind.CLOSING)
    now = stage.system.now()
    lane = stage.facts.notices.lane("email")
    await lane.claim(now, now + 60, 10)
    await lane.mark_sent("asked", now)
    await stage.facts.notices.give_up("result", undelivered("result", "email", case.id, now))
    await context.send("/next", "/")
    page = (await context.get(f"/cases/{case.id}")).text
    assert "That the request arrived, by e-mail: sent" in page
    assert "That there is news, by e-mail: <strong>did not arrive</strong>" in page
    assert "That the request will end, by e-mail: waits to be sent" in page
    assert ADDRESS not in page


async def test_the_agent_withdraws_a_message_that_waits_and_no_warning(stage: Stage) -> None:
    case, context = await stage.case(), await stage.sign_in(CARYS)
    await written(stage, case, NotificationKind.REMINDER, NotificationKind.CHECKED)
    await context.send("/next", "/")
    at = f"/cases/{case.id}"
    page = (await context.get(at)).text
    assert page.count("Withdraw it before it is sent") == 1
    told = await context.send(f"{at}/withdraw-notice", at, {"notice": "reminder"})
    assert told.headers["location"] == f"{at}?told=withdrawn"
    page = (await context.get(at)).text
    assert "A reminder of the appointment, by e-mail: withdrawn" in page
    for again in ("reminder", "checked", "unknown"):
        refused = await context.send(f"{at}/withdraw-notice", at, {"notice": again})
        assert refused.headers["location"] == f"{at}?problem=sent"
    rows = [event for _, event in await stage.facts.audit.read(0, 100) if event.kind == "notice_withdrawn"]
    assert [(row.actor, row.case, dict(row.details)) for row in rows] == [
        (f"staff:{CARYS.id}", case.id, {"notice": "reminder"})
    ]


async def test_a_lead_sees_on_the_desk_what_did_not_arrive(stage: Stage) -> None:
    case = await stage.case()
    await written(stage, case, NotificationKind.MORE_NEEDED)
    await stage.facts.notices.give_up("more_needed", undelivered("more_needed", "email", case.id, stage.system.now()))
    shown = (await (await stage.sign_in(RHYS)).get("/")).text
    assert "Messages that did not arrive" in shown
    assert "That more is needed, by e-mail" in shown
    assert ADDRESS not in shown
    assert "Messages that did not arrive" not in (await (await stage.sign_in(CARYS)).get("/")).text


async def test_a_frozen_identity_is_shown_to_the_lead_who_can_release_it(stage: Stage) -> None:
    case = await stage.case(*TO[CaseState.BOUND][2:], ev.Frozen(stage.system.now()))
    context = await stage.sign_in(RHYS)
    assert "BCDF 0001" in (await context.get("/")).text
    opened = await context.send("/open", "/", {"reference": case.reference, "reason": "citizen_called"})
    place = opened.headers["location"]
    page = (await context.get(place)).text
    assert "The identity is stopped since" in page
    assert "Release the identity" in page
    await context.send(f"{place}/unfreeze", place, {"reason": "citizen_called"})
    found = await stage.facts.cases.load(case.id)
    assert found is not None
    assert found.frozen is None


# --- receipts ---


RIGHT = {"authorization": "Bearer right"}


def receipt(status: str, reference: str = "result") -> str:
    """A receipt as Notify writes it, with the address in it."""
    return f'{{"reference": "{reference}", "status": "{status}", "to": "{ADDRESS}"}}'


@pytest.mark.parametrize(
    ("headers", "body", "status", "became"),
    [
        ({}, receipt("delivered"), 401, NoticeStatus.SENT),
        ({"authorization": "Bearer wrong"}, receipt("delivered"), 401, NoticeStatus.SENT),
        (RIGHT, "no JSON", 400, NoticeStatus.SENT),
        (RIGHT, receipt("lost"), 400, NoticeStatus.SENT),
        (RIGHT, receipt("delivered", "other"), 204, NoticeStatus.SENT),
        (RIGHT, receipt("delivered"), 204, NoticeStatus.DELIVERED),
        (RIGHT, receipt("permanent-failure"), 204, NoticeStatus.UNDELIVERED),
        (RIGHT, receipt("temporary-failure"), 204, NoticeStatus.UNDELIVERED),
        (RIGHT, receipt("technical-failure"), 204, NoticeStatus.UNDELIVERED),
    ],
)
async def test_a_receipt_says_what_became_of_a_message(
    stage: Stage,
    caplog: pytest.LogCaptureFixture,
    headers: Mapping[str, str],
    body: str,
    status: int,
    became: NoticeStatus,
) -> None:
    case = await stage.case()
    await written(stage, case, NotificationKind.RESULT)
    notices, now = stage.facts.notices, stage.system.now()
    await notices.lane("email").claim(now, now + 60, 10)
    await notices.lane("email").mark_sent("result", now)
    app = Starlette(routes=receipt_routes(notices, "right", stage.system))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://id.test") as notify:
        for _ in range(2):
            answer = await notify.post("/notifications/receipts", content=body, headers=headers)
            assert answer.status_code == status
    found = await notices.load("result", now)
    assert found is not None
    assert found.status is became
    assert ADDRESS not in caplog.text
    assert receipt_routes(notices, None, stage.system) == []
