"""CIBA pings over real stores, to an HTTP server that misbehaves."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from broker.actions.outbox.pings import TERMS, PingSender
from broker.actions.outbox.retry_policy import JITTER
from broker.actions.outbox.worker import DeliveryOutcome, send_due
from broker.model.assurance import Level
from broker.model.audit import AuditEvent
from broker.model.backchannel_request import BackchannelRequest, BackchannelState, PingNotification
from broker.model.service import CibaDeliveryMode, Service
from broker.model.store_results import RedeemResult
from broker.platform.http_client import HttpClients
from tests.support.services import make_service
from tests.unit.actions.assisted.case_harness import Stage

pytestmark = pytest.mark.store

TOKEN = "8d67dc78-7faa-4d41-aabd-67707b374255"


@dataclass
class Receiver:
    """A service's notification endpoint. It answers with these statuses in turn, the last one for ever."""

    statuses: list[int]
    port: int = 0
    heard: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, and the connection is closed."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.heard.append((head[0], headers, json.loads(body)))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        location = f"Location: http://127.0.0.1:{self.port}/elsewhere\r\n" if status == 302 else ""
        rest = "\r\n" if status == 204 else "Content-Length: 2\r\n\r\n{}"
        writer.write(f"HTTP/1.1 {status} X\r\n{location}Connection: close\r\n{rest}".encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def receiving(*statuses: int) -> AsyncIterator[Receiver]:
    """A receiver on loopback."""
    receiver = Receiver(list(statuses))
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = int(server.sockets[0].getsockname()[1])
    async with server:
        yield receiver


Services = dict[str, Service]


def service(port: int, ciba: CibaDeliveryMode = CibaDeliveryMode.PING) -> Services:
    """The service that sent the request."""
    uri = f"http://127.0.0.1:{port}/ping?a=b"
    one = make_service(
        client_id="tax",
        names={"en": "Tax"},
        redirect_uris=(),
        home="https://tax.example/",
        ciba=ciba,
        ciba_notification_uri=uri,
    )
    return {"tax": one}


async def send(stage: Stage, services: Services, outgoing: HttpClients) -> int:
    """Sends what is due. Returns how many pings were attempted."""
    return await send_due(stage.facts.pings, PingSender(services, outgoing), stage.context.system)


@pytest.fixture
async def outgoing() -> AsyncIterator[HttpClients]:
    """The guarded client, as in development."""
    client = HttpClients(development=True)
    yield client
    await client.close()


async def answered(stage: Stage) -> BackchannelRequest:
    """A backchannel request in ping mode that was answered just now."""
    now = stage.clock.now()
    put = BackchannelRequest("q1", "tax", now, now + 3600, "BCDF-GHJK", Level.LOW, handle="ciba_1", token=TOKEN)
    assert await stage.facts.questions.create(put, None, (), ()) is RedeemResult.DONE
    location = AuditEvent("question_declined", now, "citizen")
    assert await stage.facts.questions.end(put.id, BackchannelState.DECLINED, now, [location])
    return put


@pytest.mark.parametrize("status", [200, 204])
async def test_a_ping_is_sent_once_with_the_notification_token(
    stage: Stage, outgoing: HttpClients, status: int
) -> None:
    await answered(stage)
    async with receiving(status) as receiver:
        known = service(receiver.port)
        assert await send(stage, known, outgoing) == 1
        stage.clock.advance(3600)
        assert await send(stage, known, outgoing) == 0
    [(line, headers, body)] = receiver.heard
    assert line == "POST /ping?a=b HTTP/1.1"
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["content-type"] == "application/json"
    assert body == {"auth_req_id": "ciba_1"}


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404])
async def test_a_ping_is_not_retried_after_a_refusal_or_redirect(
    stage: Stage, outgoing: HttpClients, status: int
) -> None:
    await answered(stage)
    async with receiving(status) as receiver:
        attempts = []
        for _ in range(3):
            attempts.append(await send(stage, service(receiver.port), outgoing))
            stage.clock.advance(600)
    assert attempts == [1, 0, 0]
    assert len(receiver.heard) == 1


async def test_a_failed_ping_is_retried_with_growing_delays(stage: Stage, outgoing: HttpClients) -> None:
    await answered(stage)
    async with receiving(503, 500, 204) as receiver:
        known = service(receiver.port)

        async def heard_after(seconds: float) -> int:
            stage.clock.advance(seconds)
            await send(stage, known, outgoing)
            return len(receiver.heard)

        first = TERMS.retry.min_delay
        early, late = first * (1 - JITTER) - 1, first * 2 * JITTER + 1
        waits = (0, early, late, 2 * early, 2 * late, 600)
        heard = [await heard_after(seconds) for seconds in waits]
    assert heard == [1, 1, 2, 2, 3, 3]


async def test_a_ping_to_an_unreachable_service_is_given_up(
    stage: Stage, outgoing: HttpClients, caplog: pytest.LogCaptureFixture
) -> None:
    put, attempts = await answered(stage), TERMS.retry.max_attempts or 0
    async with receiving(503) as receiver:
        known = service(receiver.port)
        for _ in range(attempts + 3):
            await send(stage, known, outgoing)
            stage.clock.advance(TERMS.retry.min_delay * 2**attempts)
    assert len(receiver.heard) == attempts
    assert await stage.facts.pings.claim(put.expires + 1e6, put.expires + 2e6, 10) == []
    assert [record.message for record in caplog.records] == ["ping_failed"] * attempts


async def test_a_service_in_poll_mode_is_not_pinged(stage: Stage, outgoing: HttpClients) -> None:
    await answered(stage)
    async with receiving(204) as receiver:
        polls = service(receiver.port, CibaDeliveryMode.POLL)
        assert await send(stage, polls, outgoing) == 1
        assert await send(stage, service(receiver.port), outgoing) == 0
    assert receiver.heard == []


async def test_only_a_connection_that_may_be_made_is_made(stage: Stage) -> None:
    put = await answered(stage)
    guarded = HttpClients()
    async with receiving(204) as receiver:
        sender = PingSender(service(receiver.port), guarded)
        ping = PingNotification(put.id, put.client_id, put.handle, TOKEN, 1)
        outcome, _ = await sender.send(ping)
    await guarded.close()
    assert outcome is DeliveryOutcome.FAILED
    assert receiver.heard == []
