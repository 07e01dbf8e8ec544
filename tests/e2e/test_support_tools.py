"""Tools that the demonstration plays: rooms for video meetings, and a print service with its letters in the inbox."""

import asyncio

import httpx

from broker.assisted.case_records import Channel
from broker.model.notification import Notification, NotificationKind
from broker.wiring.assisted_wiring import video_rooms
from broker.wiring.notifiers import build_notifiers
from tests.e2e.app_harness import Stage


async def test_a_room_is_opened_by_the_example_configuration_and_is_a_page(shared_stage: Stage) -> None:
    rooms = video_rooms(shared_stage.parts)
    assert rooms is not None
    one, other = await asyncio.gather(rooms.open("request-1"), rooms.open("request-2"))
    assert one is not None
    assert one != other
    async with httpx.AsyncClient() as browser:
        shown = await browser.get(one)
    assert (shown.status_code, "A room for a meeting by video" in shown.text) == (200, True)


async def test_a_letter_goes_to_the_print_service_and_the_other_messages_to_the_folder(shared_stage: Stage) -> None:
    parts = shared_stage.parts
    broker, http_clients = parts.settings.broker, parts.connections.http_clients
    now, notifiers = parts.system.now(), build_notifiers(broker, http_clients, parts.system)
    address = "Ada Marchetti\n1 Quay Row\nAberlan AB1 2CD"
    fields = {"code": "481516", "life": "600", "reference": "BCDFGHJK"}
    letter = Notification("letter-1", NotificationKind.CODE, "post", address, "en", now, now + 600, fields)
    await notifiers["post"].deliver(letter)
    assert notifiers["post"] is not notifiers["email"] is notifiers["phone"]
    async with httpx.AsyncClient(base_url=shared_stage.service) as browser:
        inbox = (await browser.get("/inbox")).text
        bad = {"to": ["A", "B", "C"], "subject": "s", "text": "t", "language": "en", "reference": "../x"}
        refused = await browser.post("/print-service", json=bad)
    assert "481516" in inbox
    assert "by post" in inbox
    assert refused.status_code == 400


def test_the_example_says_by_when_staff_call(shared_stage: Stage) -> None:
    policy = shared_stage.parts.settings.broker.assisted
    assert (policy.promise(Channel.PHONE), policy.promise(Channel.VIDEO)) == (4 * 3600, 2 * 3600)
