"""Logout tokens for a service that answers as services do: late, wrongly, elsewhere, or not at all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.actions.outbox.logout_tokens import TERMS, LogoutTokenSender, classify_response
from broker.actions.outbox.worker import DeliveryOutcome, send_due
from broker.crypto.jose import SigningKey, verify
from broker.crypto.seal import sealer
from broker.model.outbound_delivery import DeliveryKind, OutboundDelivery
from broker.model.session import EndedSession
from broker.platform.http_client import HttpClients, HttpResponse, TimedOut, Timeouts
from broker.platform.system import System
from broker.stores.sql_stores import SqlStores, open_sql_stores
from tests.contracts.stores.samples import answer, claim_due, event, session
from tests.support.system import FakeClock
from tests.unit.oidc.examples import ISSUER, key, keys
from tests.unit.oidc.examples import service as registered

DELIVERED, FAILED, REFUSED = DeliveryOutcome.DELIVERED, DeliveryOutcome.FAILED, DeliveryOutcome.REFUSED
MAX_DELAY, MAX_ATTEMPTS = TERMS.retry.max_delay, TERMS.retry.max_attempts or 0


@dataclass
class Service:
    """A service that gives these responses, one a call; "slow" never responds, and "gone" disconnects."""

    answers: list[str]
    came: list[str] = field(default_factory=list)
    url: str = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One call."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.lower().partition("content-length:")[2].split()[0])
        self.came.append((await reader.readexactly(length)).decode())
        said = self.answers.pop(0)
        if said == "slow":
            await reader.read()
        elif said != "gone":
            to = f"Location: {self.url}elsewhere\r\n" if said.startswith("3") else ""
            writer.write(f"HTTP/1.1 {said} As Told\r\n{to}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        writer.close()


@dataclass
class CountedDeliveries:
    """What was counted."""

    outcomes: list[str] = field(default_factory=list)

    def delivered(self, kind: str, outcome: str) -> None:
        """Noted."""
        assert kind == "backchannel_logout"
        self.outcomes.append(outcome)


@dataclass(frozen=True)
class OneKey:
    """One key for everything."""

    key: SigningKey

    def signing(self, alg: str) -> SigningKey:
        """The key, which must fit."""
        assert alg == "ES256"
        return self.key


@dataclass(frozen=True)
class SenderHarness:
    """A sender, its service, and what both recorded."""

    sender: LogoutTokenSender
    facts: SqlStores
    clock: FakeClock
    service: Service
    counted: CountedDeliveries

    async def send(self) -> int:
        """Sends what is due."""
        return await send_due(self.facts.deliveries.lane(DeliveryKind.LOGOUT, "tax"), self.sender, self.sender.system)

    async def tries(self, times: int) -> Sequence[str]:
        """What that many tries come to, each as soon as it is due."""
        for _ in range(times):
            assert await self.send() == 1
            assert await self.send() == 0
            self.clock.advance(MAX_DELAY * 2)
        return self.counted.outcomes


Make = Callable[..., Awaitable[SenderHarness]]


@pytest.fixture
async def facts(migrated_facts: Path, tmp_path: Path, system: System) -> AsyncIterator[SqlStores]:
    """A new database."""
    file = tmp_path / "facts.db"
    file.write_bytes(migrated_facts.read_bytes())
    opened = await open_sql_stores(f"sqlite:{file}", sealer(b"\x07" * 32, (), system.random_bytes), system)
    yield opened
    await opened.close()


@pytest.fixture
async def make_stage(facts: SqlStores, system: System, clock: FakeClock) -> AsyncIterator[Make]:
    """Makes a stage whose service gives these responses, with one pending delivery."""
    running: list[asyncio.Server] = []
    outgoing = HttpClients(development=True, patience=Timeouts(connect=1, read=0.3, total=0.6))

    async def make(*answers: str) -> SenderHarness:
        service = Service(list(answers))
        server = await asyncio.start_server(service.handle, "127.0.0.1", 0)
        running.append(server)
        service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        now, expires = clock.now(), clock.now() + 30 * 86_400
        await facts.authorizations.record(answer(now))

        def fan_out(ended: EndedSession) -> Sequence[OutboundDelivery]:
            content = {"sid": ended.id, "sub": "pairwise-1"}
            return [OutboundDelivery("logout:1", DeliveryKind.LOGOUT, "tax", now, expires, content)]

        await facts.sessions.end(session(now).digest, event(now), fan_out)
        services = {"tax": registered(backchannel_logout_uri=f"{service.url}told")}
        counted = CountedDeliveries()
        sender = LogoutTokenSender(ISSUER, services, OneKey(key()), outgoing, system, counted)
        return SenderHarness(sender, facts, clock, service, counted)

    yield make
    for server in running:
        server.close()
    await outgoing.close()


@pytest.mark.parametrize("status", ["200", "204"])
async def test_an_acknowledged_logout_token_is_sent_once(make_stage: Make, status: str) -> None:
    stage = await make_stage(status)
    assert await stage.tries(1) == [DELIVERED]
    assert await stage.send() == 0
    assert await stage.facts.deliveries.waiting(stage.clock.now()) == []


async def test_each_attempt_sends_a_newly_signed_logout_token(make_stage: Make) -> None:
    stage = await make_stage("500", "gone", "slow", "302", "404", "200")
    began = stage.clock.now()
    assert await stage.tries(6) == [*[FAILED] * 5, DELIVERED]
    tokens = [parse_qs(body)["logout_token"] for body in stage.service.came]
    read = [verify(token, keys(key()), {"ES256"}, "logout+jwt").claims for [token] in tokens]
    assert [claims["iat"] for claims in read] == [int(began + n * MAX_DELAY * 2) for n in range(6)]
    assert all(claims["exp"] - claims["iat"] == 120 for claims in read)
    assert len({claims["jti"] for claims in read}) == 6
    assert {(claims["aud"], claims["sub"], claims["sid"]) for claims in read} == {("tax", "pairwise-1", "sid-1")}


async def test_a_rejected_logout_token_is_not_retried(make_stage: Make) -> None:
    stage = await make_stage("400")
    assert await stage.tries(1) == [REFUSED]
    assert await stage.send() == 0


async def test_a_service_that_never_answers_is_given_up_in_the_end(make_stage: Make) -> None:
    stage = await make_stage(*["503"] * MAX_ATTEMPTS)
    assert await stage.tries(MAX_ATTEMPTS) == [*[FAILED] * (MAX_ATTEMPTS - 1), DeliveryOutcome.GIVEN_UP]
    assert await stage.send() == 0


async def test_a_delivery_of_a_dead_process_is_made_by_another(make_stage: Make) -> None:
    stage = await make_stage("200")
    now = stage.clock.now()
    assert len(await claim_due(stage.facts, now, now + TERMS.lease)) == 1
    assert await stage.send() == 0
    stage.clock.advance(TERMS.lease)
    assert await stage.send() == 1
    assert len(stage.service.came) == 1


async def test_a_service_without_a_logout_uri_gets_no_logout_token(make_stage: Make) -> None:
    stage = await make_stage()
    assert await replace(stage, sender=replace(stage.sender, services={})).send() == 1
    assert stage.counted.outcomes == [DeliveryOutcome.DROPPED]
    assert await stage.facts.deliveries.waiting(stage.clock.now()) == []


@given(st.integers(100, 599))
def test_only_success_is_success_and_only_400_is_a_refusal(status: int) -> None:
    outcome, _ = classify_response(HttpResponse(status, {}, b""))
    expected = {200: DELIVERED, 202: DELIVERED, 204: DELIVERED, 400: REFUSED}
    assert outcome is expected.get(status, FAILED)


def test_a_call_that_got_no_response_is_a_failure() -> None:
    assert classify_response(TimedOut("slow")) == (FAILED, "slow")
