"""What an operator turns off or ends at the command line is off at the very next request, at every worker."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from tests.e2e.app_harness import Script
from tests.e2e.processes import Running, run
from tests.e2e.raw_client import HARBOUR, NORTHBANK, Forms, HttpSender, RawCitizen, http_sender
from tests.e2e.relying_service import RIDES_SERVICE, Service, rides
from tests.resilience.cluster import Deployment, commanded

ACCOUNT = "SELECT account_id FROM identities WHERE issuer LIKE '%northbank'"


class Place:
    """A running broker on any stores, and the operator's command line."""

    def __init__(self, running: Running, http_sender: HttpSender) -> None:
        self.running = running
        self.http_sender = http_sender

    @property
    def service(self) -> Service:
        """The service `rides`."""
        return rides(self.running.folder, self.running.issuer)

    def raw_citizen(self) -> RawCitizen:
        """A citizen with a fresh browser."""
        return RawCitizen(self.http_sender, self.service)

    async def command(self, *words: str) -> str:
        """What an operator types; what it printed."""
        return await commanded(self.running.folder / "config", *words)


@pytest.fixture(scope="module")
async def single(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """One process on SQLite and memory."""
    script = Script(files={"services/rides.toml": RIDES_SERVICE})
    async with (
        run(tmp_path_factory.mktemp("single"), script, "--listener", "public") as running,
        http_sender(single=True) as send,
    ):
        yield Place(running, send)


@pytest.fixture(params=["two workers on PostgreSQL and Redis", "one process on SQLite and memory"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each way to run it, one after the other."""
    if request.param.startswith("two"):
        broker: Deployment = request.getfixturevalue("broker")
        return Place(broker.running, broker.http_sender)
    found: Place = request.getfixturevalue("single")
    return found


async def many(path: str, raw_citizen: RawCitizen) -> list[int]:
    """The statuses of many requests at once, so that every worker is among those who answer."""
    replies = await asyncio.gather(*(raw_citizen.visit(path) for _ in range(8)))
    return [reply.status for reply in replies]


async def test_a_provider_that_is_turned_off_stops_every_path_at_the_next_request(place: Place) -> None:
    choosing, leaving, returning, agreeing = (place.raw_citizen() for _ in range(4))
    for raw_citizen in (choosing, leaving, returning, agreeing):
        await raw_citizen.begin()
    picker = Forms((await choosing.visit(choosing.page)).expect().body).found[f"{choosing.page}/choose"]
    (await leaving.choose(NORTHBANK)).expect(303)
    (await returning.choose(NORTHBANK)).expect(303)
    back = await returning.away()
    await agreeing.return_(NORTHBANK)
    agreement = Forms((await agreeing.visit(agreeing.page)).expect().body).found[f"{agreeing.page}/share"]
    await place.command("provider", "disable", NORTHBANK, "--reason", "a test", "--by", "operator")
    try:
        shown = await asyncio.gather(*(choosing.visit(choosing.page) for _ in range(8)))
        assert all(f'value="{NORTHBANK}"'.encode() not in page.expect().body for page in shown)
        await choosing.submit(f"{choosing.page}/choose", {**picker, "provider": NORTHBANK})
        assert f"{choosing.page}/choose" in Forms((await choosing.visit(choosing.page)).body).found
        await returning.visit(back)
        assert f"{returning.page}/share" not in Forms((await returning.visit(returning.page)).body).found
        await agreeing.submit(f"{agreeing.page}/share", {**agreement, "agree": "yes"})
        assert "Refresh" not in (await agreeing.visit(agreeing.page)).headers
        # another one serves the same transactions
        await choosing.return_(HARBOUR)
        (await choosing.share()).expect(303)
        (await choosing.redeem(await choosing.collect())).expect()
    finally:
        await place.command("provider", "enable", NORTHBANK, "--by", "operator")
    (await place.raw_citizen().code(NORTHBANK))


async def test_a_service_that_is_turned_off_stops_every_path_at_the_next_request(place: Place) -> None:
    holder, late, beginning, agreeing = (place.raw_citizen() for _ in range(4))
    tokens = (await holder.redeem(await holder.code())).expect().json
    code = await late.code()
    (await beginning.push()).expect(201)
    await agreeing.begin()
    await agreeing.return_()
    agreement = Forms((await agreeing.visit(agreeing.page)).expect().body).found[f"{agreeing.page}/share"]
    await place.command("service", "disable", "rides", "--reason", "a test", "--by", "operator")
    try:
        assert (await late.redeem(code)).json["error"] == "unauthorized_client"
        assert (await holder.refresh(tokens["refresh_token"])).json["error"] == "unauthorized_client"
        replies = await asyncio.gather(*(holder.userinfo(tokens["access_token"]) for _ in range(8)))
        assert {reply.status for reply in replies} == {401}
        assert (await holder.introspect(tokens["access_token"])).json["error"] == "unauthorized_client"
        assert (await holder.call("/revoke", {"token": tokens["refresh_token"], **holder.service.assertion()})).json[
            "error"
        ] == "unauthorized_client"
        pushes = await asyncio.gather(*(place.raw_citizen().push() for _ in range(8)))
        assert {reply.json["error"] for reply in pushes} == {"unauthorized_client"}
        reply = await beginning.authorize()
        if reply.status == 303 and beginning.page:
            assert "/choose" not in (await beginning.visit(beginning.page)).body.decode()
        await agreeing.submit(f"{agreeing.page}/share", {**agreement, "agree": "yes"})
        assert "Refresh" not in (await agreeing.visit(agreeing.page)).headers
    finally:
        await place.command("service", "enable", "rides", "--by", "operator")
    (await late.redeem(code)).expect()
    (await holder.userinfo(tokens["access_token"])).expect()


async def test_an_account_that_is_turned_off_stops_every_path_at_the_next_request(place: Place) -> None:
    holder, late, agreeing = (place.raw_citizen() for _ in range(3))
    tokens = (await holder.redeem(await holder.code())).expect().json
    code = await late.code()
    await agreeing.begin()
    await agreeing.return_()
    agreement = Forms((await agreeing.visit(agreeing.page)).expect().body).found[f"{agreeing.page}/share"]
    account = await account_of(place)
    await place.command("account", "disable", account, "--reason", "a test", "--by", "operator")
    try:
        assert (await late.redeem(code)).json["error"] == "invalid_grant"
        assert (await holder.refresh(tokens["refresh_token"])).json["error"] == "invalid_grant"
        replies = await asyncio.gather(*(holder.userinfo(tokens["access_token"]) for _ in range(8)))
        assert {reply.status for reply in replies} == {401}
        assert (await holder.introspect(tokens["access_token"])).expect().json == {"active": False}
        await agreeing.submit(f"{agreeing.page}/share", {**agreement, "agree": "yes"})
        assert "Refresh" not in (await agreeing.visit(agreeing.page)).headers
        silent = await holder.visit(await plain_silent(place))
        assert "error=login_required" in silent.location
    finally:
        await place.command("account", "enable", account, "--by", "operator")
    (await holder.userinfo(tokens["access_token"])).expect()


async def plain_silent(place: Place) -> str:
    """A request of the sample service that allows no page."""
    return (
        "/authorize?client_id=demo-service&response_type=code&scope=openid&prompt=none&state=s&redirect_uri="
        f"{place.running.service}/callback&code_challenge={'a' * 43}&code_challenge_method=S256"
    )


async def account_of(place: Place) -> str:
    """The account of the one person who signs in here."""
    url = place.running.settings.broker.database.url
    if url.startswith("sqlite:"):
        file: Path | None = place.running.settings.broker.database.file
        with sqlite3.connect(str(file)) as connection:
            return str(connection.execute(ACCOUNT).fetchone()[0])
    postgres = await asyncpg.connect(url)
    try:
        return str(await postgres.fetchval(ACCOUNT))
    finally:
        await postgres.close()


async def test_a_new_epoch_ends_every_code_token_and_session_of_before_at_every_worker(place: Place) -> None:
    holder, late = place.raw_citizen(), place.raw_citizen()
    tokens = (await holder.redeem(await holder.code())).expect().json
    code = await late.code()
    again = RawCitizen(place.http_sender, place.service, jar=late.jar.copy())
    known = RawCitizen(place.http_sender, place.service, jar=late.jar.copy())
    await known.begin()
    assert f"{known.page}/share" in Forms((await known.visit(known.page)).expect().body).found, "no session of before"
    (await again.push()).expect(201)
    await place.command("epoch", "raise", "--by", "operator")
    assert (await late.redeem(code)).json["error"] == "invalid_grant"
    replies = await asyncio.gather(*(holder.userinfo(tokens["access_token"]) for _ in range(8)))
    assert {reply.status for reply in replies} == {401}
    assert (await holder.refresh(tokens["refresh_token"])).json["error"] == "invalid_grant"
    assert (await holder.introspect(tokens["access_token"])).expect().json == {"active": False}
    # the session does not answer any more: there is a choice to make
    (await again.authorize()).expect(303)
    assert f"{again.page}/choose" in Forms((await again.visit(again.page)).expect().body).found
    (await place.raw_citizen().code())
