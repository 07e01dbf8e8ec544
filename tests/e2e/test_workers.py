"""Several workers on PostgreSQL and Redis: any worker can serve any step of a sign-in."""

from pathlib import Path

from playwright.async_api import Page

from tests.e2e.citizen_page import NORTHBANK, Citizen
from tests.e2e.processes import on_servers, run
from tests.support.postgres import PostgresServer
from tests.support.redis import RedisServer


async def test_a_journey_continues_at_any_worker(
    postgres: PostgresServer, redis: RedisServer, tmp_path: Path, page: Page
) -> None:
    with postgres.database() as database:
        async with run(tmp_path, on_servers(database, redis.url, 2), "--listener", "public") as running:
            assert len(running.workers()) == 2
            for permit in ("parking", "move"):
                await page.context.clear_cookies()
                citizen = Citizen(page, running)
                await citizen.begin(permit)
                await citizen.choose(NORTHBANK)
                await citizen.play("ok")
                await citizen.share()
                await citizen.arrives()
