"""The process that watches over the workers: killed itself, and what all of them write down."""

import asyncio
import os
import signal
from pathlib import Path

from broker.server.uvicorn_server import WORKER_TIMEOUT
from broker.web.shared import cookies
from tests.e2e.processes import PATIENCE, Running, run
from tests.e2e.raw_client import SOON, ConnectionLost, eventually, http_sender
from tests.resilience.cluster import WORKERS, Deployment, deployment, listens, workers_on_stores
from tests.support.postgres import PostgresServer
from tests.support.redis import RedisServer


async def test_no_log_line_of_a_worker_holds_a_code_a_token_a_cookie_or_a_handle(broker: Deployment) -> None:
    raw_citizen = broker.raw_citizen()
    await raw_citizen.begin()
    (await raw_citizen.choose()).expect(303)
    back = await raw_citizen.away()
    (await raw_citizen.visit(back)).expect(303)
    (await raw_citizen.share()).expect(303)
    code = await raw_citizen.collect()
    tokens = (await raw_citizen.redeem(code)).expect().json
    (await raw_citizen.redeem(code)).expect(400)
    upstream = back.partition("code=")[2].partition("&")[0]
    secrets = [
        code,
        upstream,
        tokens["access_token"],
        tokens["refresh_token"],
        tokens["id_token"],
        raw_citizen.page.rpartition("/")[2],
        raw_citizen.request_uri.rpartition(":")[2],
        *(value for name in (cookies.BROWSER, cookies.SESSION) for value in raw_citizen.jar.value(name).split(".")),
    ]
    assert all(len(secret) > 15 for secret in secrets), secrets

    await eventually(10, lambda: _is_logged(broker.running, '"event": "refused"'))
    assert [secret for secret in secrets if secret in broker.running.program.output] == []


async def test_workers_end_when_their_supervisor_was_killed_and_another_takes_their_port(
    postgres: PostgresServer, redis: RedisServer, tmp_path: Path
) -> None:
    async with deployment(tmp_path, postgres, redis) as broker:
        await broker.whole()
        raw_citizen = broker.raw_citizen()
        await raw_citizen.begin()
        orphans = broker.workers()
        await asyncio.to_thread(broker.running.program.kill)

        async def gone() -> bool:
            return not any(Path(f"/proc/{orphan}").exists() for orphan in orphans)

        await eventually(SOON, gone)
        await asyncio.to_thread(broker.running.program.start, PATIENCE)
        await broker.whole()
        await raw_citizen.return_()
        (await raw_citizen.share()).expect(303)
        (await raw_citizen.redeem(await raw_citizen.collect())).expect()


async def test_the_supervisor_starts_the_staff_process_again_and_ends_it_in_the_end(
    postgres: PostgresServer, redis: RedisServer, tmp_path: Path
) -> None:
    with postgres.database() as database:
        async with (
            run(tmp_path, workers_on_stores(database, redis.url)) as running,
            http_sender(single=True) as sender,
        ):

            async def answers() -> bool:
                try:
                    return (await sender.send("GET", f"{running.console}/readyz")).status == 200
                except ConnectionLost:
                    return False

            await eventually(PATIENCE, answers)
            [staff] = [process for process in running.workers() if listens(process, running.ports.first + 1)]
            os.kill(staff, signal.SIGKILL)
            await eventually(SOON, lambda: _is_logged(running, '"event": "staff_process_ended"'))
            await eventually(PATIENCE, answers)
            processes = running.workers()
        assert '"status": -9' in running.program.output
        assert [process for process in processes if Path(f"/proc/{process}").exists()] == []


async def test_a_worker_that_is_killed_while_its_health_check_waits_is_replaced_at_once(broker: Deployment) -> None:
    await broker.whole()
    killed, other = broker.workers()
    os.kill(killed, signal.SIGSTOP)
    await asyncio.sleep(1.5)  # the supervisor checks twice a second
    broker.kill(killed)

    async def replaced() -> bool:
        return len(broker.serving()) == WORKERS and killed not in broker.serving()

    await eventually(WORKER_TIMEOUT / 2, replaced)
    assert other in broker.serving()


async def _is_logged(running: Running, text: str) -> bool:
    return text in running.program.output
