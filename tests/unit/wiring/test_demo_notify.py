"""The demonstration through GOV.UK Notify: a message goes through the API into the inbox."""

from dataclasses import replace
from pathlib import Path

from starlette.applications import Starlette

from broker.demo.inbox import messages
from broker.demo.notify import with_notify
from broker.platform.http_client import HttpClients
from broker.platform.notifications.notify import NotifyNotifier
from broker.platform.system import real_system
from broker.wiring.notifiers import build_notifiers
from tests.support.configuration import prepared
from tests.unit.platform.notifications.test_http_senders import ADDRESSES, at_origin
from tests.unit.platform.notifications.test_notices import NOTICE


async def test_a_message_of_the_demonstration_goes_through_notify_into_the_inbox(tmp_path: Path) -> None:
    settings, played = with_notify(prepared(tmp_path).settings(), "http://127.0.0.1:1")
    clients = HttpClients(development=True)
    async with at_origin(played.beside(Starlette())) as origin:
        for way, notifier in build_notifiers(settings.broker, clients, real_system()).items():
            assert isinstance(notifier, NotifyNotifier)
            assert len(notifier.templates[way]) > 0
            await replace(notifier, url=origin).deliver(replace(NOTICE, id=way, way=way, address=ADDRESSES[way]))
        await clients.close()
    inbox = {one.way: one for one in messages(played.outbox)}
    assert {way: one.address for way, one in inbox.items()} == ADDRESSES
    assert all("123456" in one.text and "10 minutes" in one.text for one in inbox.values())
