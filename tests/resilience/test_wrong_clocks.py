"""Processes whose clocks are wrong: each reports it and stops serving, and no other process is affected."""

import asyncio
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.e2e.app_harness import Script
from tests.e2e.processes import Running, run
from tests.e2e.raw_client import HttpSender, RawCitizen, eventually, http_sender
from tests.e2e.relying_service import RIDES_SERVICE, rides
from tests.resilience.clocks import MONOTONIC, second, shifting
from tests.resilience.cluster import WORKERS, Deployment, deployment
from tests.support.postgres import PostgresServer
from tests.support.programs import need
from tests.support.redis import RedisServer

HOURS = 7200


async def signed_in(raw_citizen: RawCitizen) -> None:
    """A whole sign-in: a pushed request and a token request by private_key_jwt, an answer of a provider between."""
    tokens = (await raw_citizen.redeem(await raw_citizen.code())).expect().json
    assert (await raw_citizen.userinfo(tokens["access_token"])).expect().json["sub"]


def public(broker: Deployment) -> str:
    """The address under `listen.public` of the broker's file."""
    return broker.running.settings.broker.listen.public


@pytest.mark.parametrize("shift", ["+2h", "-2h"])
async def test_a_second_broker_with_a_wrong_clock_serves_nothing_and_affects_no_other(
    broker: Deployment, shift: str
) -> None:
    off = f"{HOURS if shift[0] == '+' else -HOURS:+d}."
    async with second(broker.running.folder, public(broker), broker.http_sender, shift) as wrong:
        said = await wrong.ready()
        assert said["status"] == 503
        assert not said["ready"]
        assert f"this machine's clock is {off[:-1]}" in said["wrong"]["clock"] or off in said["wrong"]["clock"]
        for _ in range(7):
            await asyncio.sleep(1)
            assert (await wrong.ready())["status"] == 503
        # what does not depend on the time is answered, everything else refused
        for path in ("/livez", "/jwks", "/.well-known/openid-configuration"):
            assert (await broker.http_sender.send("GET", wrong.url + path)).status == 200, path
        page = await broker.http_sender.send("GET", f"{wrong.url}/authorize?client_id=rides")
        assert page.status == 503
        assert "text/html" in page.headers["Content-Type"]
        assert page.headers["Retry-After"]
        for path in ("/token", "/par", "/introspect", "/userinfo"):
            reply = await broker.http_sender.send("POST", wrong.url + path, broker.service.assertion())
            assert (reply.status, reply.json["error"]) == (503, "temporarily_unavailable")
            assert reply.headers["Retry-After"]
        # a slow reply of Redis leaves undecided for a moment whose clock is wrong
        events = wrong.logged("clock_off")
        assert {event["finding"] for event in events} <= {"own_clock_off", "clocks_disagree"}
        event = next(event for event in events if event["finding"] == "own_clock_off")
        assert event["level"] == "error"
        assert round(event["offset"], -1) == float(off)
        assert all([await broker.ready() for _ in range(2 * WORKERS)])
        await signed_in(broker.raw_citizen())
    await signed_in(broker.raw_citizen())
    noted = "SELECT value, extract(epoch FROM now()) FROM shared_counters WHERE name = 'time'"
    [[mark, now]] = await broker.rows(noted)
    assert float(now) - 10 <= mark <= float(now)
    assert await broker.one("SELECT count(*) FROM audit WHERE kind = 'time_mark_taken_back'") == 0
    if shift == "+2h":
        broker.kill(broker.serving()[0])
        await broker.whole()
        await asyncio.gather(*(signed_in(broker.raw_citizen()) for _ in range(WORKERS)))


async def test_a_clock_that_jumps_or_drifts_midway_takes_its_process_out_and_back_in(
    broker: Deployment, tmp_path: Path
) -> None:
    file = tmp_path / "shift"
    file.write_text("+0\n")
    async with second(broker.running.folder, public(broker), broker.http_sender, env=shifting(file)) as other:

        async def is_out() -> bool:
            return (await other.ready())["status"] == 503

        async def is_in() -> bool:
            return not await is_out()

        # on a busy machine the first comparison of the clocks may have taken too long
        await eventually(30, is_in)
        for shift in ("+2h", "-2h", "+10"):
            file.write_text(f"{shift}\n")
            await eventually(30, is_out)
            assert "clock" in (await other.ready())["wrong"]
            assert await broker.ready()
            file.write_text("+0\n")
            await eventually(30, is_in)
        await signed_in(broker.raw_citizen())
    assert await broker.one("SELECT count(*) FROM audit WHERE kind = 'time_mark_taken_back'") == 0


async def test_a_clock_that_gains_slowly_takes_its_process_out(broker: Deployment) -> None:
    async with second(broker.running.folder, public(broker), broker.http_sender, "+0 x1.2") as other:

        async def is_out() -> object:
            return "clock" in (await other.ready())["wrong"] and other.logged("clock_off")

        await eventually(60, is_out)
        [event] = other.logged("clock_off")
        assert 2.5 < event["offset"] < 10
        assert await broker.ready()
        await signed_in(broker.raw_citizen())


async def test_a_database_that_an_earlier_release_left_with_a_mark_in_the_future_is_put_right(
    broker: Deployment,
) -> None:
    raw_citizen = broker.raw_citizen()
    tokens = (await raw_citizen.redeem(await raw_citizen.code())).expect().json
    await broker.rows(f"UPDATE shared_counters SET value = value + {HOURS} WHERE name = 'time'")

    async def put_right() -> bool:
        return bool(await broker.one("SELECT count(*) FROM audit WHERE kind = 'time_mark_taken_back'"))

    async def all_are_back() -> bool:
        output = broker.running.program.output
        return output.count('"clock_off"') == output.count('"clock_recovered"')

    await eventually(30, put_right)
    await eventually(30, all_are_back)
    await broker.whole()
    assert (await raw_citizen.userinfo(tokens["access_token"])).status == 401, (
        "what the mark held expired stays expired"
    )
    await signed_in(broker.raw_citizen())
    assert await broker.one("SELECT count(*) FROM audit WHERE kind = 'time_mark_taken_back'") == 1
    assert "time_mark_ahead" in broker.running.program.output


async def test_a_new_epoch_holds_beside_running_processes(broker: Deployment) -> None:
    raw_citizen = broker.raw_citizen()
    tokens = (await raw_citizen.redeem(await raw_citizen.code())).expect().json
    (await raw_citizen.userinfo(tokens["access_token"])).expect()
    assert "has begun" in await broker.command("epoch", "raise")
    for _ in range(8):
        await asyncio.sleep(1)
        assert (await raw_citizen.userinfo(tokens["access_token"])).status == 401
    await signed_in(broker.raw_citizen())
    noted = "SELECT value, extract(epoch FROM now()) FROM shared_counters WHERE name = 'time'"
    [[mark, now]] = await broker.rows(noted)
    assert float(now) - 10 <= mark <= float(now)


# --- the database's own clock ---


async def test_a_database_whose_own_clock_jumps_ends_no_sign_in_and_its_mark_stays(
    tmp_path: Path, redis: RedisServer
) -> None:
    file = Path(tempfile.mkdtemp(prefix="portico-clock-")) / "shift"
    file.parent.chmod(0o755)
    file.write_text("+0\n")
    postgres = PostgresServer(env=shifting(file))
    try:
        async with deployment(tmp_path, postgres, redis) as laid:
            await laid.whole()
            await signed_in(laid.raw_citizen())
            for shift in ("+2h", "-2h", "+10"):
                found = laid.running.program.output.count("database_clock_off")
                file.write_text(f"{shift}\n")

                async def noticed(before: int = found) -> bool:
                    return laid.running.program.output.count("database_clock_off") >= before + WORKERS

                await eventually(30, noticed)
                assert all([await laid.ready() for _ in range(2 * WORKERS)])
                await signed_in(laid.raw_citizen())
                assert await laid.one("SELECT value FROM shared_counters WHERE name = 'time'") <= time.time()
                before = laid.running.program.output.count("clock_recovered")
                file.write_text("+0\n")

                async def over(before: int = before) -> bool:
                    return laid.running.program.output.count("clock_recovered") >= before + WORKERS

                await eventually(30, over)
            assert await laid.one("SELECT count(*) FROM audit WHERE kind = 'time_mark_taken_back'") == 0
            # a worker that starts while the database clock is off waits until no other clock agrees with the database
            file.write_text("+2h\n")
            found = laid.running.program.output.count("database_clock_off")
            await eventually(30, lambda: noticed(found))
            laid.kill(laid.serving()[0])
            await eventually(90, lambda: noticed(found + 1))
            await laid.whole()
            await asyncio.gather(*(signed_in(laid.raw_citizen()) for _ in range(2 * WORKERS)))
    finally:
        postgres.remove()
        shutil.rmtree(file.parent)


# --- SQLite: one host, and no other clock ---

ON_SQLITE = Script(files={"services/rides.toml": RIDES_SERVICE})


async def signs_in(running: Running, sender: HttpSender) -> RawCitizen:
    """A citizen who has signed in, as soon as the provider is known to work."""

    async def providers_work() -> bool:
        said = running.program.output
        return said.count("provider_up") >= said.count("provider_down")

    await eventually(60, providers_work)
    raw_citizen = RawCitizen(sender, rides(running.folder, running.issuer))
    await signed_in(raw_citizen)
    return raw_citizen


async def is_ready(running: Running, sender: HttpSender) -> bool:
    """Whether requests should go there."""
    return (await sender.send("GET", f"{running.issuer}/readyz")).status == 200


async def test_on_sqlite_a_clock_that_ran_ahead_and_went_back_revives_nothing_and_stops_nothing(tmp_path: Path) -> None:
    file = tmp_path / "shift"
    file.write_text("+0\n")
    env = shifting(file)
    async with run(tmp_path, ON_SQLITE, "--listener", "public", env=env) as running, http_sender(single=True) as sender:

        async def out() -> bool:
            return not await is_ready(running, sender)

        async def noted() -> bool:
            with sqlite3.connect(tmp_path / ".demo" / "facts.db") as connection:
                return bool(
                    connection.execute("SELECT value FROM shared_counters WHERE name = 'time'").fetchone()[0] >= ahead
                )

        raw_citizen, later = (RawCitizen(sender, rides(tmp_path, running.issuer)) for _ in range(2))
        (await raw_citizen.push()).expect(201)
        ahead = time.time() + HOURS
        file.write_text("+2h\n")
        await eventually(60, noted)
        assert (await raw_citizen.authorize()).status == 400
        file.write_text("+0\n")
        await eventually(10, out)
        assert (await raw_citizen.authorize()).status in (400, 503)
        await eventually(60, lambda: is_ready(running, sender))
        assert (await raw_citizen.authorize()).status == 400
        (await later.push()).expect(201)
        (await later.authorize()).expect(303)
        assert running.program.output.count("time_mark_taken_back") == 1


async def test_on_sqlite_a_second_process_whose_clock_is_off_moves_nothing(tmp_path: Path) -> None:
    async with run(tmp_path, ON_SQLITE, "--listener", "public") as running, http_sender(single=True) as sender:
        listen = running.settings.broker.listen.public
        async with second(tmp_path, listen, sender, "+2h") as other:

            async def is_out() -> bool:
                return "clock" in (await other.ready())["wrong"]

            await eventually(30, is_out)
            assert await is_ready(running, sender)
            await signs_in(running, sender)
        assert await is_ready(running, sender)
        assert "time_mark_taken_back" not in running.program.output


# --- commands ---


@pytest.mark.parametrize("words", [("epoch", "raise"), ("provider", "disable", "northbank", "--reason", "x")])
async def test_a_command_that_would_write_a_wrong_time_is_refused(broker: Deployment, words: tuple[str, ...]) -> None:
    before = await broker.one("SELECT count(*) FROM audit WHERE kind IN ('epoch_raised', 'provider_disabled')")
    for command in (words, ("clock", "show")):
        process = await asyncio.create_subprocess_exec(
            need("faketime"),
            *("-f", "+2h", sys.executable, "-m", "broker", *command),
            *("--config", str(broker.running.folder / "config")),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **MONOTONIC},
        )
        _, output = await process.communicate()
        assert process.returncode == 1
        assert b"this machine's clock is +7200" in output
        assert b"Traceback" not in output
    assert before == await broker.one("SELECT count(*) FROM audit WHERE kind IN ('epoch_raised', 'provider_disabled')")
    assert "all is well" in await broker.command("clock", "show")
