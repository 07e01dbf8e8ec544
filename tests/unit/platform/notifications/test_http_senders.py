"""GOV.UK Notify and the gateway for text messages, over real connections to servers that play them."""

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from broker.crypto.notify_token import NotifyKey, read_notify_key
from broker.demo.notify_simulator import NotifySimulator, SentMessage
from broker.model.notification import DeliveryFailed, NotificationKind
from broker.platform.http_client import HttpClients
from broker.platform.notifications.http_answers import retry_after
from broker.platform.notifications.letters import LetterGateway, PrintedByStaff
from broker.platform.notifications.notify import NotifyNotifier, Templates
from broker.platform.notifications.text_gateway import TextGateway
from broker.platform.notifications.texts import notice_text, template_texts
from broker.platform.system import real_system
from tests.support.serving import serving
from tests.unit.platform.notifications.test_notices import NOTICE, ZONE, example

SERVICE, SECRET = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
LANGUAGES = ("en", "cy", "ar")
TYPES = {"email": "email", "phone": "sms", "post": "letter"}
ADDRESSES = {
    "email": "ada@example.org",
    "phone": "+447700900123",
    "post": "Ada Lovelace\n12 St James's Square\nLondon\nSW1Y 4JH",
}


@asynccontextmanager
async def at_origin(app: ASGIApp) -> AsyncIterator[str]:
    """An application on loopback. Yields its origin."""
    async with serving(app) as port:
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def http_clients() -> AsyncIterator[HttpClients]:
    """The guarded client, which permits loopback."""
    clients = HttpClients(development=True)
    try:
        yield clients
    finally:
        await clients.close()


def pasted() -> tuple[Templates, dict[str, tuple[str, str, str]]]:
    """Every template as an operator pastes it: their ids, and what Notify holds."""
    ids: dict[str, dict[str, dict[str, str]]] = {}
    held: dict[str, tuple[str, str, str]] = {}
    for way, type_ in TYPES.items():
        for language in LANGUAGES:
            for kind, text in template_texts(way, language):
                template = str(uuid.UUID(int=1000 + len(held)))
                ids.setdefault(way, {}).setdefault(kind, {})[language] = template
                held[template] = (type_, text.subject, text.text)
    return ids, held


@dataclass
class Notify:
    """The simulator, what it took, and a notifier that sends to it."""

    simulator: NotifySimulator
    notifier: NotifyNotifier
    taken: list[SentMessage] = field(default_factory=list)


@pytest.fixture
async def notify() -> AsyncIterator[Notify]:
    """The simulator with every template."""
    ids, held = pasted()
    taken: list[SentMessage] = []
    simulator = NotifySimulator(SERVICE, SECRET, held, taken.append)
    async with at_origin(simulator.app()) as origin, http_clients() as clients:
        client = clients.client("notify")
        notifier = NotifyNotifier(origin, NotifyKey(SERVICE, SECRET), ids, client, real_system(), ZONE)
        yield Notify(simulator, notifier, taken)


async def test_every_kind_of_notice_goes_out_in_every_language_by_every_way(notify: Notify) -> None:
    for way, type_ in TYPES.items():
        for kind in NotificationKind:
            for language in LANGUAGES:
                notice = replace(example(kind, language), way=way, address=ADDRESSES[way])
                await notify.notifier.deliver(notice)
                said, sent = notice_text(notice, ZONE), notify.taken[-1]
                assert (sent.type, sent.to, sent.reference) == (type_, ADDRESSES[way], "n1")
                assert sent.text == (said.message if way == "phone" else said.text)
                assert sent.subject == ("" if way == "phone" else said.subject)
    assert len(notify.taken) == len(TYPES) * len(NotificationKind) * len(LANGUAGES)


@pytest.mark.parametrize(
    ("status", "headers", "permanent", "wait"),
    [
        (400, {}, True, 0),
        (403, {}, False, 0),
        (429, {"Retry-After": "90"}, False, 90),
        (429, {}, False, 0),
        (500, {}, False, 0),
        (503, {"Retry-After": "5"}, False, 5),
        (302, {"Location": "https://elsewhere.example/"}, False, 0),
    ],
)
async def test_what_notify_answers_decides_whether_a_notice_is_tried_again(
    notify: Notify,
    status: int,
    headers: Mapping[str, str],
    permanent: bool,  # noqa: FBT001
    wait: float,
) -> None:
    notify.simulator.faults.append((status, headers))
    with pytest.raises(DeliveryFailed) as caught:
        await notify.notifier.deliver(NOTICE)
    assert (caught.value.permanent, caught.value.retry_after) == (permanent, wait)
    assert caught.value.detail == f"status {status}"
    await notify.notifier.deliver(NOTICE)
    assert len(notify.taken) == 1


@pytest.mark.parametrize(
    "change",
    [{"address": "ada@invalid"}, {"way": "post", "address": "London"}, {"kind": NotificationKind.RESULT, "way": "fax"}],
)
async def test_what_notify_can_never_send_is_a_permanent_failure_without_the_address(
    notify: Notify, change: dict[str, str]
) -> None:
    with pytest.raises(DeliveryFailed) as caught:
        await notify.notifier.deliver(replace(NOTICE, **change))  # type: ignore[arg-type]
    assert caught.value.permanent
    assert "ada" not in caught.value.detail
    assert notify.taken == []


async def test_a_wrong_key_is_a_fault_of_the_configuration_and_not_of_the_notice(notify: Notify) -> None:
    with pytest.raises(DeliveryFailed) as caught:
        await replace(notify.notifier, key=NotifyKey(SERVICE, str(uuid.UUID(int=3)))).deliver(NOTICE)
    assert (caught.value.permanent, caught.value.detail) == (False, "status 403")


async def test_a_server_that_cannot_be_reached_is_a_temporary_failure(notify: Notify) -> None:
    with pytest.raises(DeliveryFailed) as caught:
        await replace(notify.notifier, url="http://127.0.0.1:1").deliver(NOTICE)
    assert not caught.value.permanent


async def test_the_connection_check_compares_each_template_with_the_fields_of_its_kind(notify: Notify) -> None:
    assert await notify.notifier.template_problems() == []
    ids = notify.notifier.templates["email"]
    held = dict(notify.simulator.templates)
    type_, subject, text = held[ids["code"]["en"]]
    held[ids["code"]["en"]] = (type_, subject, text.replace("((life))", "((minutes))"))
    del held[ids["asked"]["ar"]]
    notify.simulator.templates = held
    assert await notify.notifier.template_problems() == [
        "email.code.en: the template asks for ((minutes)), which is never sent",
        "email.code.en: the template leaves out ((life))",
        f"email.asked.ar: Notify has no template {ids['asked']['ar']}",
    ]


@pytest.mark.parametrize("name", ["", "portico-", "a-name-with-hyphens-"])
def test_an_api_key_is_read_from_its_end(name: str) -> None:
    assert read_notify_key(f"{name}{SERVICE}-{SECRET}\n") == NotifyKey(SERVICE, SECRET)
    assert SECRET not in repr(NotifyKey(SERVICE, SECRET))


@pytest.mark.parametrize("text", ["", SERVICE, f"portico-{SERVICE}", f"{SERVICE}-{SECRET}-x", f"{SERVICE}{SECRET}"])
def test_a_text_that_is_no_api_key_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="not an API key"):
        read_notify_key(text)


# --- text messages ---


@dataclass
class Gateway:
    """A gateway. `statuses` are answered first, each once."""

    statuses: list[int] = field(default_factory=list)
    heard: list[tuple[str | None, dict[str, str]]] = field(default_factory=list)

    async def take(self, request: Request) -> JSONResponse:
        """Takes a text message."""
        self.heard.append((request.headers.get("authorization"), await request.json()))
        return JSONResponse({}, self.statuses.pop(0) if self.statuses else 202)


async def test_a_text_message_goes_through_the_gateway_and_its_refusals_are_told_apart() -> None:
    gateway = Gateway([404, 401, 429, 500])
    app = Starlette(routes=[Route("/send", gateway.take, methods=["POST"])])
    notice = replace(NOTICE, way="phone", address=ADDRESSES["phone"])
    async with at_origin(app) as origin, http_clients() as clients:
        sender = TextGateway(f"{origin}/send", clients.client("texts"), real_system(), "Portico", "Bearer secret", ZONE)
        assert "secret" not in repr(sender)
        refused = []
        for _ in range(4):
            with pytest.raises(DeliveryFailed) as caught:
                await sender.deliver(notice)
            refused.append(caught.value.permanent)
        assert refused == [True, False, False, False]
        await sender.deliver(notice)
        await replace(sender, sender="", authorization=None).deliver(notice)
    text = "Your code is 123456. It works for 10 minutes. Reference ABCD-2345."
    sent = {"to": "+447700900123", "text": text, "reference": "n1"}
    assert gateway.heard[-2:] == [("Bearer secret", {**sent, "sender": "Portico"}), (None, sent)]


async def test_a_letter_goes_to_the_print_service_with_the_lines_of_its_address() -> None:
    printer = Gateway([422, 503])
    app = Starlette(routes=[Route("/print", printer.take, methods=["POST"])])
    letter = replace(NOTICE, way="post", address=ADDRESSES["post"])
    async with at_origin(app) as origin, http_clients() as clients:
        sender = LetterGateway(f"{origin}/print", clients.client("letters"), real_system(), "Bearer secret", ZONE)
        assert "secret" not in repr(sender)
        refused = []
        for notice in (letter, letter, replace(letter, address="12 St James's Square")):
            with pytest.raises(DeliveryFailed) as caught:
                await sender.deliver(notice)
            refused.append(caught.value.permanent)
        assert refused == [True, False, True]
        await sender.deliver(letter)
    said = notice_text(letter, ZONE)
    sent = {"to": ADDRESSES["post"].split("\n"), "subject": said.subject, "text": said.text, "language": "en"}
    assert printer.heard[-1] == ("Bearer secret", {**sent, "reference": letter.id})
    assert len(printer.heard) == 3, "an address to which no letter can go was sent to the print service"
    with pytest.raises(DeliveryFailed):
        await PrintedByStaff().deliver(letter)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("120", 120),
        (" 7 ", 7),
        ("-5", 0),
        ("soon", 0),
        ("999999999999", 86400),
        ("Tue, 15 Nov 1994 08:12:31 GMT", 31),
        ("Tue, 15 Nov 1994 08:11:00 GMT", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float) -> None:
    assert retry_after(value, 784_887_120.0) == seconds
