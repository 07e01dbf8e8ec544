"""The deterministic costs of a warm sign-in: pushed request, private_key_jwt, bearer; PostgreSQL and Redis."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import asyncpg
import pytest

from broker.crypto.keys.ring import ImportCache
from tests.budgets.counting import Interpreter, Made, Monitor, Statements, every_page, started_and_stopped, writes
from tests.e2e.app_harness import Script, Stage, on_stores, staged
from tests.e2e.raw_client import NORTHBANK, Forms, RawCitizen, Reply, http_sender
from tests.e2e.relying_service import RIDES_SERVICE, Service, land_register, rides
from tests.support.postgres import PostgresServer
from tests.support.redis import RedisServer

CHORES = ("run_forever", "update_gauges", "run")
"""What goes on whether or not anybody signs in. It is stopped here, so that all that is counted is theirs."""

Step = Callable[[RawCitizen], Awaitable[Reply]]


@dataclass(slots=True)
class StepState:
    """What one step leaves for the next."""

    form: Mapping[str, str]
    back: str = ""
    code: str = ""
    token: str = ""


def steps(kept: StepState) -> Sequence[tuple[str, Step]]:
    """Every request of a sign-in at the broker, one by one."""

    async def picker(raw_citizen: RawCitizen) -> Reply:
        reply = await raw_citizen.visit(raw_citizen.page)
        kept.form = Forms(reply.body).found[f"{raw_citizen.page}/choose"]
        return reply

    async def choice(raw_citizen: RawCitizen) -> Reply:
        return await raw_citizen.submit(f"{raw_citizen.page}/choose", {**kept.form, "provider": NORTHBANK})

    async def leaving(raw_citizen: RawCitizen) -> Reply:
        reply = await raw_citizen.visit(raw_citizen.page)
        kept.back = (await raw_citizen.http_sender.send("GET", reply.headers["Refresh"].partition("url=")[2])).location
        return reply

    async def callback(raw_citizen: RawCitizen) -> Reply:
        return await raw_citizen.visit(kept.back)

    async def agreement(raw_citizen: RawCitizen) -> Reply:
        reply = await raw_citizen.visit(raw_citizen.page)
        kept.form = Forms(reply.body).found[f"{raw_citizen.page}/share"]
        return reply

    async def sharing(raw_citizen: RawCitizen) -> Reply:
        return await raw_citizen.submit(f"{raw_citizen.page}/share", {**kept.form, "agree": "yes"})

    async def returning(raw_citizen: RawCitizen) -> Reply:
        reply = await raw_citizen.visit(raw_citizen.page)
        kept.code = reply.headers["Refresh"].partition("code=")[2].partition("&")[0]
        return reply

    async def token(raw_citizen: RawCitizen) -> Reply:
        reply = await raw_citizen.redeem(kept.code)
        kept.token = reply.expect().json["access_token"]
        return reply

    async def userinfo(raw_citizen: RawCitizen) -> Reply:
        return await raw_citizen.userinfo(kept.token)

    return (
        ("pushed request", lambda raw_citizen: raw_citizen.push()),
        ("authorization", lambda raw_citizen: raw_citizen.authorize()),
        ("picker", picker),
        ("choice", choice),
        ("leaving", leaving),
        ("callback", callback),
        ("agreement", agreement),
        ("sharing", sharing),
        ("returning", returning),
        ("token", token),
        ("userinfo", userinfo),
    )


@dataclass(frozen=True, slots=True)
class Bench:
    """A warm broker with its counters."""

    stage: Stage
    service: Service
    bound: Service
    monitor: Monitor
    statements: Statements
    interpreter: Interpreter
    raw_citizen: Callable[[Service], RawCitizen]

    async def warm(self, service: Service) -> None:
        """Completes a few sign-ins, so that everything that is created once exists."""
        for _ in range(3):
            raw_citizen = self.raw_citizen(service)
            for _, step in steps(StepState({})):
                assert (await step(raw_citizen)).status < 400
        await self.monitor.heard()
        await self.statements.heard()


@pytest.fixture(scope="module")
async def bench(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer, redis_server: RedisServer
) -> AsyncIterator[Bench]:
    """One process on PostgreSQL and Redis, warm and alone with its sign-ins."""
    folder = tmp_path_factory.mktemp("counts")
    postgres_server.start()
    redis_server.renew()
    async with AsyncExitStack() as stack:
        database = stack.enter_context(postgres_server.database())
        stores = on_stores(database, redis_server.url)
        script = Script(edits={"broker.toml": stores}, files={"services/rides.toml": RIDES_SERVICE})
        owner = await asyncpg.connect(database)
        await owner.execute(f"ALTER DATABASE {database.rpartition('/')[2]} SET log_statement = 'all'")
        await owner.close()
        others = asyncio.all_tasks()  # such as the connection to a browser of this process
        stage = await stack.enter_async_context(staged(folder, script))
        started = asyncio.all_tasks() - others
        chores = [task for task in started if getattr(task.get_coro(), "__name__", "") in CHORES]
        assert {getattr(task.get_coro(), "__name__", "") for task in chores} == set(CHORES)
        while alive := [task for task in chores if not task.done()]:
            for task in alive:
                task.cancel()
            await asyncio.wait(alive, timeout=0.1)
        sender = await stack.enter_async_context(http_sender())
        monitor = await stack.enter_async_context(Monitor.of(redis_server))
        made = Bench(
            stage,
            rides(folder, stage.issuer),
            land_register(folder, stage.issuer, stage.service),
            monitor,
            Statements(postgres_server, database),
            Interpreter(),
            lambda service: RawCitizen(sender, service),
        )
        await made.warm(made.service)
        yield made


async def counted(bench: Bench, service: Service) -> tuple[Mapping[str, Sequence[str]], Mapping[str, Sequence[str]]]:
    """What each step of one sign-in sent to Redis, and what it had PostgreSQL do."""
    raw_citizen, redis, sql = bench.raw_citizen(service), {}, {}
    for name, step in steps(StepState({})):
        assert (await step(raw_citizen)).status < 400
        redis[name] = await bench.monitor.heard()
        sql[name] = await bench.statements.heard()
    return redis, sql


async def test_a_page_asks_redis_once_a_change_twice_a_callback_thrice_and_a_sign_in_fourteen_times(
    bench: Bench,
) -> None:
    redis, _ = await counted(bench, bench.service)
    trips = {name: len(commands) for name, commands in redis.items()}
    assert trips == {
        "pushed request": 1,
        "authorization": 2,
        "picker": 1,
        "choice": 2,
        "leaving": 1,
        "callback": 3,
        "agreement": 1,
        "sharing": 2,
        "returning": 1,
        "token": 0,
        "userinfo": 0,
    }
    assert sum(trips.values()) <= 14


async def test_a_call_with_a_proof_asks_redis_whose_nonce_it_bears_and_whether_the_proof_is_new(bench: Bench) -> None:
    await bench.warm(bench.bound)
    redis, _ = await counted(bench, bench.bound)
    assert {name: len(redis[name]) for name in ("token", "userinfo")} == {"token": 2, "userinfo": 2}


async def test_a_sign_in_is_three_transactions_and_four_reads_in_postgresql_each_one_statement(bench: Bench) -> None:
    _, sql = await counted(bench, bench.service)
    written = {name: sum(map(writes, statements)) for name, statements in sql.items() if any(map(writes, statements))}
    read = {name: len(statements) - written.get(name, 0) for name, statements in sql.items()}
    assert written == {"pushed request": 1, "sharing": 1, "token": 1}, sql
    assert {name: times for name, times in read.items() if times} == {
        "agreement": 1,
        "sharing": 1,
        "token": 1,
        "userinfo": 1,
    }


async def sign_in_watched(bench: Bench, service: Service) -> Made:
    """What the interpreter did for one sign-in."""
    raw_citizen = bench.raw_citizen(service)
    with bench.interpreter.watched() as made:
        for _, step in steps(StepState({})):
            assert (await step(raw_citizen)).status < 400
    return made


async def test_a_warm_sign_in_opens_no_connection_imports_no_key_compiles_no_template_and_makes_no_tls_context(
    bench: Bench,
) -> None:
    assert await sign_in_watched(bench, bench.service) == Made()


async def test_a_warm_sign_in_with_bound_tokens_opens_and_makes_nothing_but_the_keys_that_proofs_bring_along(
    bench: Bench,
) -> None:
    await bench.warm(bench.bound)
    made = await sign_in_watched(bench, bench.bound)
    assert made.keys, "a proof brings its key along, and it has to be imported"
    made.keys.clear()
    assert made == Made()


async def test_what_is_never_done_for_a_sign_in_is_seen_when_a_broker_starts(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as in a new process, and as in production, where every page is compiled at the start
    monkeypatch.setattr("broker.wiring.app_pages.page_renderer", every_page)
    monkeypatch.setattr("broker.web.shared.pages._PAGE_CODES", {})
    monkeypatch.setattr("broker.crypto.keys.ring._IMPORTS", ImportCache())
    with bench.interpreter.watched() as made:
        # a task that belongs to the broker alone
        await asyncio.create_task(started_and_stopped(bench.stage.parts.settings))
    assert made.keys
    assert made.connections
    assert made.templates
    assert made.contexts
