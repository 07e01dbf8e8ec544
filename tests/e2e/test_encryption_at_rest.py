"""Encryption at rest: no personal data is in the clear in the database or in Redis."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest
import redis.asyncio

from providers.simulator.personas import AMINA
from tests.e2e.app_harness import Script, Stage, on_stores, staged
from tests.e2e.citizen_page import NORTHBANK, Citizen
from tests.e2e.conftest import Newcomer
from tests.e2e.staff_page import verify
from tests.e2e.test_assisted_verification import colleagues, takes_up
from tests.support.postgres import PostgresServer
from tests.support.redis import RedisServer

CONTACT = "amina.at.rest@mail.example"
PASSPORT = "PQ8812345"
"""What the member of staff writes down about the document (`Colleague.record`)."""

OF_STAFF = {"staff-tom", "Tom Okafor", "tom@help.example", "staff-mei", "Mei Lindqvist", "mei@help.example"}
"""What the staff's provider says of those who help; the console's own ids of them stand in the audit record."""

SERVICE_TOO = {"Aberlan"}
"""The town of the test person is in the name of the service as well."""

SHORTEST = 4
"""Shorter values, such as a country's two letters, stand in sealed bytes by chance."""

ALLOWED = {
    ("pairwise_subjects", "sub"): "the pairwise subject itself: random, and known to one sector of services",
    ("authorization_codes", "subject"): "the same",
    ("grants", "subject"): "the same, so that a question can be put to the person whom a service names",
    ("session_clients", "subject"): "the same, for the logout token",
}
"""Columns in which a value by which a service or a provider knows the citizen may stand, and why."""


@pytest.fixture
async def stage(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer, redis_server: RedisServer
) -> AsyncIterator[Stage]:
    """A stage on PostgreSQL and Redis, as in production."""
    with postgres_server.database() as database:
        stores = on_stores(database, redis_server.url)
        async with staged(tmp_path_factory.mktemp("at rest"), Script(edits={"broker.toml": stores})) as running:
            yield running


def values(claims: Any) -> Iterator[str]:
    """Every text in claims, at any depth."""
    if isinstance(claims, dict):
        for inner in claims.values():
            yield from values(inner)
    elif isinstance(claims, str):
        yield claims


def texts(value: Any) -> Iterator[str]:
    """A stored value as texts: bytes are looked at as they are."""
    if isinstance(value, bytes):
        yield value.decode("latin-1")
    elif value is not None:
        yield str(value)


async def stored(stage: Stage) -> list[tuple[tuple[str, str], str]]:
    """Everything that is stored, as text, by place (table and column, or "redis" and the key)."""
    broker = stage.parts.settings.broker
    server = await asyncpg.connect(broker.database.url)
    found: list[tuple[tuple[str, str], str]] = []
    for (table,) in await server.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        for row in await server.fetch(f'SELECT * FROM "{table}"'):
            found += [((table, column), text) for column, value in row.items() for text in texts(value)]
    await server.close()
    client = redis.asyncio.Redis.from_url(broker.ephemeral.url)
    async for key in client.scan_iter():
        kind = (await client.type(key)).decode()
        held = await (client.get(key) if kind == "string" else client.zrange(key, 0, -1, withscores=True))
        found += [(("redis", key.decode()), text) for text in (key.decode(), *texts(held))]
    await client.aclose()
    return found


def shown(found: list[tuple[tuple[str, str], str]], known: set[str]) -> set[tuple[tuple[str, str], str]]:
    """Places that contain one of the known values as a whole word, in any case."""
    wanted = {value: re.compile(rf"(?<![A-Za-z0-9]){re.escape(value)}(?![A-Za-z0-9])", re.I) for value in known}
    return {(place, value) for place, text in found for value, pattern in wanted.items() if pattern.search(text)}


async def secrets(citizen: Citizen) -> set[str]:
    """What the browser holds that opens something: each of its secrets, the session, codes."""
    kept = await citizen.page.context.cookies(citizen.stage.issuer)
    parts = {part for cookie in kept for part in str(cookie["value"]).split(".") if len(part) > 15}
    state = {str(cookie["value"]) for cookie in kept if cookie["name"] == "__Secure-portico-state"}
    return parts - state


async def test_no_personal_data_is_in_the_clear_in_the_database_or_redis(newcomer: Newcomer, stage: Stage) -> None:
    about = {*values(dict(AMINA.claims)), CONTACT, PASSPORT, "127.0.0.1", *OF_STAFF} - SERVICE_TOO
    about = {value for value in about if len(value) >= SHORTEST}
    seen: set[tuple[tuple[str, str], str]] = set()

    async def look(*more: str) -> None:
        seen.update(shown(await stored(stage), about | await secrets(citizen) | set(more)))

    # a sign-in at a provider, looked at on its way and when it is done
    citizen = await newcomer(stage)
    await citizen.begin("parking")
    await look(citizen.handle)
    await citizen.choose(NORTHBANK)
    await citizen.play("ok")
    await citizen.sees("Check what you share")
    await look(citizen.handle)
    await citizen.press("Share and continue")
    await citizen.arrives()
    await look()
    await citizen.page.goto(f"{stage.issuer}/logout")
    await look()
    await citizen.press("Sign out")
    await citizen.sees("You are signed out")
    await look()

    # and help from a person
    citizen = await newcomer(stage)
    await citizen.begin("move")
    await citizen.ask_for_a_person(CONTACT)
    words = await citizen.page.locator(".pt-words dd").all_inner_texts()
    await look(citizen.handle, " ".join(words))
    await verify(*await colleagues(newcomer, stage))
    await look(" ".join(words))
    await takes_up(citizen, CONTACT, " ".join(words))
    await look()
    await citizen.share()
    await citizen.arrives()
    await look()
    assert {(place, value) for place, value in seen if place not in ALLOWED} == set()
    assert {"amina", "Hughes", "1987-04-12", "+44 1632 960001", CONTACT} <= about

    # the search does find what is there, and every exception is one
    rows = await stored(stage)
    subjects = {text for place, text in rows if place == ("pairwise_subjects", "sub")}
    places = {place for place, _ in shown(rows, subjects)}
    assert {"pairwise_subjects"} <= {table for table, _ in places}
    assert places <= ALLOWED.keys()
    assert {"identities", "cases", "sessions", "audit", "case_fingerprints", "redis"} <= {
        table for (table, _), _ in rows
    }
