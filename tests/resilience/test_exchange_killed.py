"""kill -9 of a worker in the middle of a code exchange: never two live token sets, never a token without its audit."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

import jwt
import pytest

from broker.model.handle import sha256_hex
from tests.e2e.raw_client import SOON, ConnectionLost, Reply, eventually
from tests.resilience.cluster import WORKERS, Deployment, Issued

WAITING = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND application_name = 'portico'
"""
READS_CODE = "while it reads the code"
CLAIMS_CODE = "while it claims the code"
RECORDS_ASSERTION = "while it records the assertion"
COMMITS = "while it commits"


@asynccontextmanager
async def stopped(broker: Deployment, step: str, code: str, form: dict[str, str]) -> AsyncIterator[None]:
    """Inside the block an exchange comes as far as this step and waits there, for a lock that another one holds."""
    async with broker.sql() as connection:
        lock = connection.transaction()
        await lock.start()
        match step:
            case "while it reads the code":
                await connection.execute("LOCK TABLE authorization_codes IN ACCESS EXCLUSIVE MODE")
            case "while it claims the code":
                await connection.fetch(
                    "SELECT 1 FROM authorization_codes WHERE digest = $1 FOR UPDATE", sha256_hex(code)
                )
            case "while it records the assertion":
                jti = jwt.decode(form["client_assertion"], options={"verify_signature": False})["jti"]
                used = "INSERT INTO used_jtis (client_id, jti, expires) VALUES ($1, $2, 0)"
                await connection.execute(used, form["client_id"], sha256_hex(jti))
            case "while it commits":
                # that the account exists is looked at last of all, in the commit itself
                await connection.fetch(
                    "SELECT 1 FROM accounts WHERE id ="
                    " (SELECT account_id FROM authorization_codes WHERE digest = $1) FOR UPDATE",
                    sha256_hex(code),
                )
        yield
        await lock.rollback()


@dataclass(frozen=True, slots=True)
class HeldUp:
    """An exchange that waits for a lock: the request, the backend that waits, and the worker, which rests."""

    exchange: asyncio.Task[Reply]
    backend: int
    worker: int


async def held_up(broker: Deployment, form: dict[str, str]) -> HeldUp | None:
    """Sends the exchange and stops its worker while its statement waits, which it does for a second at most.

    Returns None if a busy machine missed that second: the exchange was rejected and nothing is pending.
    """
    exchange = asyncio.ensure_future(broker.http_sender.send("POST", f"{broker.running.issuer}/token", form))
    found: list[int] = []

    async def seen() -> bool:
        found[:] = [row["pid"] for row in await broker.rows(WAITING)]
        return bool(found)

    await eventually(SOON, seen)
    assert len(found) == 1
    worker = await broker.worker_at(found[0])
    if worker is not None:
        os.kill(worker, signal.SIGSTOP)
        # a response that was sent before the stop still arrives
        await asyncio.wait([exchange], timeout=0.1)
        if not exchange.done():
            return HeldUp(exchange, found[0], worker)
        os.kill(worker, signal.SIGCONT)
    await broker.rows("SELECT pg_terminate_backend($1, 2000)", found[0])
    assert (await exchange).status == 503
    return None


async def killed_at(broker: Deployment, step: str, code: str, form: dict[str, str], *, backend_dies: bool) -> None:
    """Runs an exchange up to a step and kills its worker there; the statement under way is cancelled, or completes."""
    held = None
    while held is None:
        async with stopped(broker, step, code, form):
            held = await held_up(broker, form)
            if held is None:
                continue
            broker.kill(held.worker)
            with pytest.raises(ConnectionLost):
                await held.exchange
            if backend_dies:
                await broker.rows("SELECT pg_terminate_backend($1, 2000)", held.backend)
    backend = held.backend

    async def over() -> bool:
        """Nothing is under way any more."""
        return not await broker.rows("SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND state = 'active'", backend)

    await eventually(SOON, over)


@pytest.mark.parametrize("step", [READS_CODE, CLAIMS_CODE, RECORDS_ASSERTION, COMMITS])
async def test_a_code_whose_exchange_was_killed_before_the_commit_works_once_more(
    broker: Deployment, step: str
) -> None:
    raw_citizen = broker.raw_citizen()
    code = await raw_citizen.code()
    form = raw_citizen.exchange(code)
    before = await broker.issued(code)
    await killed_at(broker, step, code, form, backend_dies=True)
    assert await broker.issued(code) == before == Issued(redeemed=False, tokens=0, audited=[], replays=before.replays)
    # the very same request: nothing of it was kept, not even the use of its assertion
    tokens = (await raw_citizen.call("/token", form)).expect().json
    assert (await raw_citizen.userinfo(tokens["access_token"])).status == 200
    assert await broker.issued(code) == Issued(
        redeemed=True, tokens=2, audited=["code_redeemed"], replays=before.replays
    )
    refused = await raw_citizen.redeem(code)
    assert (refused.status, refused.json["error"]) == (400, "invalid_grant")
    assert (await raw_citizen.userinfo(tokens["access_token"])).status == 401
    assert (await broker.issued(code)).tokens == 0


@pytest.mark.parametrize("step", [CLAIMS_CODE, RECORDS_ASSERTION, COMMITS])
async def test_a_code_whose_exchange_was_committed_after_its_worker_was_killed_is_refused_and_its_tokens_revoked(
    broker: Deployment, step: str
) -> None:
    raw_citizen = broker.raw_citizen()
    code = await raw_citizen.code()
    before = await broker.issued(code)
    await killed_at(broker, step, code, raw_citizen.exchange(code), backend_dies=False)
    # no client received these tokens, but they are complete
    assert await broker.issued(code) == Issued(
        redeemed=True, tokens=2, audited=["code_redeemed"], replays=before.replays
    )
    refused = await raw_citizen.redeem(code)
    assert (refused.status, refused.json["error"]) == (400, "invalid_grant")
    assert await broker.issued(code) == Issued(
        redeemed=True, tokens=0, audited=["code_redeemed", "code_replayed"], replays=before.replays + 1
    )


async def test_a_code_whose_worker_was_killed_before_it_heard_of_the_commit_is_refused_and_its_tokens_revoked(
    broker: Deployment,
) -> None:
    raw_citizen = broker.raw_citizen()
    code = await raw_citizen.code()
    before = await broker.issued(code)
    form = raw_citizen.exchange(code)
    held = None
    while held is None:
        async with stopped(broker, CLAIMS_CODE, code, form):
            held = await held_up(broker, form)
            if held is not None:
                broker.postgres_proxy.hold()

    async def committed() -> bool:
        """The database contains the redemption."""
        return (await broker.issued(code)).redeemed

    await eventually(SOON, committed)
    broker.kill(held.worker)
    with pytest.raises(ConnectionLost):
        await held.exchange
    broker.postgres_proxy.release()
    assert (await broker.issued(code)).tokens == 2
    refused = await raw_citizen.redeem(code)
    assert (refused.status, refused.json["error"]) == (400, "invalid_grant")
    assert await broker.issued(code) == Issued(
        redeemed=True, tokens=0, audited=["code_redeemed", "code_replayed"], replays=before.replays + 1
    )


async def test_a_code_whose_answer_was_lost_on_its_way_is_refused_and_its_tokens_revoked(broker: Deployment) -> None:
    raw_citizen = broker.raw_citizen()
    code = await raw_citizen.code()
    before = await broker.issued(code)
    port = broker.running.ports.first

    async def asked() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The exchange is sent, and its answer left lying."""
        form = urlencode(raw_citizen.exchange(code))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST /token HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        writer.write(f"{head}Content-Length: {len(form)}\r\n\r\n{form}".encode())
        return reader, writer

    reader, writer = await asked()
    answered = asyncio.ensure_future(reader.read(12))

    async def committed() -> bool:
        """Waits until the database contains the redemption. A request rejected by a busy machine is sent again."""
        nonlocal writer, answered
        turned_away = answered.done() and answered.result() == b"HTTP/1.1 503"
        if (await broker.issued(code)).redeemed:
            return True
        if turned_away:
            writer.close()
            reader, writer = await asked()
            answered = asyncio.ensure_future(reader.read(12))
        return False

    await eventually(SOON, committed)
    for worker in broker.workers():
        broker.kill(worker)
    answered.cancel()
    writer.close()
    assert (await broker.issued(code)).tokens == 2
    await broker.well()
    refused = await raw_citizen.redeem(code)
    assert (refused.status, refused.json["error"]) == (400, "invalid_grant")
    assert await broker.issued(code) == Issued(
        redeemed=True, tokens=0, audited=["code_redeemed", "code_replayed"], replays=before.replays + 1
    )


async def test_of_many_who_redeem_one_code_while_a_worker_is_killed_at_most_one_holds_live_tokens(
    broker: Deployment,
) -> None:
    raw_citizen = broker.raw_citizen()
    code = await raw_citizen.code()

    async def attempt() -> Reply | None:
        try:
            return await raw_citizen.http_sender.send(
                "POST", f"{broker.running.issuer}/token", raw_citizen.exchange(code)
            )
        except ConnectionLost:
            return None

    attempts = [asyncio.ensure_future(attempt()) for _ in range(20)]
    await asyncio.sleep(0)
    broker.kill(broker.workers()[0])
    replies = [reply for reply in await asyncio.gather(*attempts) if reply is not None]
    given = [reply.json["access_token"] for reply in replies if reply.status == 200]
    assert len(given) <= 1
    issued = await broker.issued(code)
    assert await broker.one("SELECT count(*) FROM audit WHERE kind = 'code_redeemed' AND grant_id IS NOT NULL") == (
        await broker.one("SELECT count(*) FROM grants")
    )
    assert issued.audited.count("code_redeemed") == int(issued.redeemed)
    assert issued.tokens in (0, 2)


@pytest.mark.parametrize("number", range(3), ids=["begin", "return", "share"])
async def test_the_other_workers_go_on_with_a_journey_and_the_dead_one_is_replaced(
    broker: Deployment, number: int
) -> None:
    raw_citizen = broker.raw_citizen()
    steps: list[Callable[[], Awaitable[object]]] = [raw_citizen.begin, raw_citizen.return_, raw_citizen.share]
    before = broker.serving()
    assert len(before) == WORKERS
    for at, step in enumerate(steps):
        if at == number:
            broker.kill(before[number % WORKERS])
        await step()
    (await raw_citizen.redeem(await raw_citizen.collect())).expect()
    await broker.whole()
    assert before[number % WORKERS] not in broker.serving()
