"""PostgreSQL killed or hanging: every request fails fast, no write is partial, and the broker recovers by itself."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.raw_client import SOON, Forms, RawCitizen, Reply, eventually
from tests.resilience.cluster import WORKERS, Deployment, Issued, refused_at_once

BACK = 10.0

Away = Callable[[], AbstractAsyncContextManager[None]]


def family(process: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [process, *map(int, children)]


@pytest.fixture(params=["killed", "stopped", "hanging"])
def away(request: pytest.FixtureRequest, broker: Deployment) -> Away:
    """A block during which PostgreSQL is away."""

    @asynccontextmanager
    async def block() -> AsyncIterator[None]:
        hanging: list[int] = []
        match request.param:
            case "killed":
                await asyncio.to_thread(broker.postgres.kill)
            case "stopped":
                await asyncio.to_thread(broker.postgres.stop)
            case "hanging":
                hanging = family(broker.postgres.program.pid)
                for process in hanging:
                    os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in hanging:
                # a process of a connection ends as soon as another one that thaws signals it
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)
            await asyncio.to_thread(broker.postgres.start)

    return block


async def unready(raw_citizen: RawCitizen) -> bool:
    """Requests should go elsewhere."""
    return (await raw_citizen.visit("/readyz")).status == 503


async def works(broker: Deployment) -> bool:
    """A sign-in succeeds."""
    raw_citizen = broker.raw_citizen()
    return (await raw_citizen.push()).status == 201


async def test_requests_fail_at_once_while_postgresql_is_down_and_succeed_after_its_return(
    broker: Deployment, away: Away
) -> None:
    raw_citizen, late = broker.raw_citizen(), broker.raw_citizen()
    token = (await raw_citizen.redeem(await raw_citizen.code())).expect().json["access_token"]
    code = await late.code()
    asking = broker.raw_citizen()
    await asking.begin()
    await asking.return_()
    async with away():
        for refused in (
            lambda: raw_citizen.userinfo(token),
            lambda: late.redeem(code),
            lambda: broker.raw_citizen().push(),
            lambda: asking.visit(asking.page),
        ):
            reply = await refused_at_once(refused)
            assert int(reply.headers["Retry-After"]) > 0
        await eventually(SOON, lambda: unready(raw_citizen))
        for path in ("/jwks", "/.well-known/openid-configuration", "/livez"):
            (await raw_citizen.visit(path)).expect()
    await eventually(BACK, lambda: works(broker))
    (await raw_citizen.userinfo(token)).expect()
    # what was begun is there still
    (await asking.share()).expect(303)
    (await asking.redeem(await asking.collect())).expect()


async def test_a_code_whose_exchange_met_no_database_is_as_good_as_before_or_wholly_used_up(
    broker: Deployment, away: Away
) -> None:
    raw_citizen = broker.raw_citizen()
    code = await raw_citizen.code()
    before = await broker.issued(code)
    async with away():
        assert (await raw_citizen.redeem(code)).status == 503
    await eventually(BACK, lambda: works(broker))
    found = await broker.issued(code)
    reply = await raw_citizen.redeem(code)
    if found.redeemed:
        # a database that only hung has executed the statements sent before
        assert (reply.status, reply.json["error"]) == (400, "invalid_grant")
        assert (await broker.issued(code)).tokens == 0
    else:
        assert found == before
        assert (await raw_citizen.userinfo(reply.expect().json["access_token"])).status == 200
        assert await broker.issued(code) == Issued(
            redeemed=True, tokens=2, audited=["code_redeemed"], replays=before.replays
        )


async def test_an_answer_lost_to_a_database_outage_is_given_afterwards(broker: Deployment, away: Away) -> None:
    raw_citizen = broker.raw_citizen()
    await raw_citizen.begin()
    await raw_citizen.return_()
    asked = await raw_citizen.visit(raw_citizen.page)
    async with away():
        assert (await share(raw_citizen, asked.body)).status == 503
    await eventually(BACK, lambda: works(broker))
    (await share(raw_citizen, asked.body)).expect(303)
    code = await raw_citizen.collect()
    assert (
        await broker.one(
            "SELECT count(*) FROM audit WHERE kind = 'service_answered' AND transaction_id = (SELECT"
            " transaction_id FROM authorization_codes ORDER BY created DESC LIMIT 1)"
        )
        == 1
    )
    (await raw_citizen.redeem(code)).expect()


async def share(raw_citizen: RawCitizen, page: bytes) -> Reply:
    """Sends the form of a page that was read before."""
    fields = Forms(page).found[f"{raw_citizen.page}/share"]
    return await raw_citizen.submit(f"{raw_citizen.page}/share", {**fields, "agree": "yes"})


async def test_a_worker_that_dies_while_postgresql_is_away_is_replaced_by_one_that_waits_for_it(
    broker: Deployment,
) -> None:
    [dead, other] = broker.workers()
    await asyncio.to_thread(broker.postgres.kill)
    broker.kill(dead)

    async def waits() -> bool:
        """A new worker was started, and found nothing to work with."""
        return "start_waits_for_store" in broker.running.program.output

    await eventually(60, waits)
    assert broker.running.program.running
    assert (await broker.http_sender.send("GET", f"{broker.running.issuer}/livez")).status == 200
    await asyncio.to_thread(broker.postgres.start)

    async def whole() -> bool:
        """Both of them serve."""
        return len(broker.serving()) == WORKERS

    await eventually(BACK, whole)
    assert other in broker.serving()
    statuses = {(await broker.http_sender.send("GET", f"{broker.running.issuer}/readyz")).status for _ in range(8)}
    assert statuses == {200}
