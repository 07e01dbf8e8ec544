"""The servers, the browser and the fakes that other tests use behave as documented."""

import asyncio
import signal
import ssl
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest
from playwright.async_api import BrowserContext
from redis.asyncio import Redis

from broker.platform.system import System
from tests.support.certificates import Authority
from tests.support.peers import AXE, NODE, Peer
from tests.support.ports import FIRST, LOOPBACK, SIZE, free_port
from tests.support.postgres import PostgresServer
from tests.support.program import Program
from tests.support.redis import RedisServer
from tests.support.system import FakeClock

ROOT = Path(__file__).resolve().parents[2]


async def test_a_redis_that_was_killed_comes_back_empty_at_the_same_address(redis: RedisServer) -> None:
    async with Redis.from_url(redis.url) as client:
        await client.set("word", "kept")
        assert await client.get("word") == b"kept"
        assert (await client.config_get("maxmemory-policy"))["maxmemory-policy"] == "noeviction"
        address = redis.url
        redis.kill()
        with pytest.raises(ConnectionError):
            redis.command("PING")
        redis.start()
        assert redis.url == address
        assert redis.command("EXISTS", "word") == ":0"


async def test_a_frozen_redis_takes_connections_and_does_not_answer_until_it_thaws(redis: RedisServer) -> None:
    redis.freeze()
    async with Redis.from_url(redis.url, socket_timeout=0.2) as client:
        with pytest.raises(Exception, match="Timeout"):
            await client.ping()
    redis.thaw()
    assert redis.command("PING") == "+PONG"


def test_every_test_finds_redis_running_awake_and_empty(redis_server: RedisServer) -> None:
    redis_server.renew()
    redis_server.command("SET", "left", "behind")
    redis_server.command("CONFIG", "SET", "maxmemory", "1mb")
    redis_server.freeze()
    redis_server.renew()
    assert redis_server.command("DBSIZE") == ":0"
    redis_server.stop()
    redis_server.renew()
    assert redis_server.command("DBSIZE") == ":0"


async def test_a_fact_committed_to_postgres_survives_its_being_killed(postgres: PostgresServer) -> None:
    with postgres.database() as url:
        connection = await asyncpg.connect(url)
        await connection.execute("create table fact (text text)")
        await connection.execute("insert into fact values ('committed')")
        postgres.kill()
        # asyncpg reports a connection that breaks at this moment as an unexpected state
        broken = (asyncpg.PostgresError, OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)
        with pytest.raises(broken):
            await connection.fetch("select text from fact")
        connection.terminate()
        postgres.start()
        again = await asyncpg.connect(url)
        assert await again.fetchval("select text from fact") == "committed"
        assert await again.fetchval("show synchronous_commit") == "on"
        assert await again.fetchval("show fsync") == "on"
        await again.close()


async def test_every_test_has_a_database_of_its_own(postgres: PostgresServer, database: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute("create table here (id int)")
    with postgres.database() as other:
        elsewhere = await asyncpg.connect(other)
        assert await elsewhere.fetchval("select to_regclass('here')") is None
        await elsewhere.close()
    await connection.close()
    with postgres.database(template=database.rsplit("/", 1)[1]) as copy:
        copied = await asyncpg.connect(copy)
        assert await copied.fetchval("select to_regclass('here')::text") == "here"
        await copied.close()


async def test_a_database_is_dropped_even_if_the_test_left_postgres_stopped(postgres: PostgresServer) -> None:
    with postgres.database() as url:
        postgres.stop()
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(url)


async def test_two_sites_of_different_names_are_reached_under_tls(
    new_context: Callable[..., Awaitable[BrowserContext]], authority: Authority
) -> None:
    certificate = authority.certificate("broker.example", "service.test")
    settings = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    settings.load_cert_chain(certificate.chain, certificate.key)
    server = await asyncio.start_server(say_which_host, LOOPBACK, 0, ssl=settings)
    port = server.sockets[0].getsockname()[1]
    async with server:
        page = await (await new_context(ignore_https_errors=True)).new_page()
        for host in ("broker.example", "service.test"):
            await page.goto(f"https://{host}:{port}/")
            assert await page.text_content("body") == f"{host}:{port}"
            assert await page.evaluate("window.isSecureContext")
        # a client that verifies certificates trusts the authority
        trusting = authority.trust()
        _, writer = await asyncio.open_connection(LOOPBACK, port, ssl=trusting, server_hostname="service.test")
        writer.close()
        await writer.wait_closed()
        with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
            await asyncio.open_connection(LOOPBACK, port, ssl=trusting, server_hostname="elsewhere.test")


async def say_which_host(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers any request with its Host header."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:  # the peer only completed the handshake
        writer.close()
        return
    host = next(line.split(": ")[1] for line in head.split("\r\n") if line.lower().startswith("host:"))
    answer = (
        f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(host)}\r\nConnection: close\r\n\r\n{host}"
    )
    writer.write(answer.encode())
    await writer.drain()
    writer.close()


async def test_two_browsers_share_no_cookies_and_one_may_have_no_script(
    new_context: Callable[..., Awaitable[BrowserContext]],
) -> None:
    first, second = await new_context(), await new_context(java_script_enabled=False)
    await first.add_cookies([{"name": "a", "value": "1", "url": "http://localhost:1"}])
    assert len(await first.cookies()) == 1
    assert await second.cookies() == []
    page = await second.new_page()
    await page.set_content("<noscript>no script here</noscript><script>document.body.textContent = 'script'</script>")
    assert "no script here" in await page.inner_text("body")


def test_a_node_program_is_started_waited_for_and_ended(peer: Callable[..., Peer], tmp_path: Path) -> None:
    script = tmp_path / "hello.mjs"
    script.write_text(
        "import { createServer } from 'node:http';\n"
        "createServer((_, answer) => answer.end(process.env.WORD))\n"
        "  .listen(process.env.PORT, '127.0.0.1', () => console.log('ready'));\n"
    )
    started = peer(str(script), env={"WORD": "hello"})
    heard = subprocess.run(
        [sys.executable, "-c", f"import urllib.request as u; print(u.urlopen('{started.url}').read().decode())"],
        capture_output=True,
        text=True,
    )
    assert heard.stdout == "hello\n"
    assert started.program.stop() == -signal.SIGTERM


def test_a_program_that_ends_before_it_is_ready_is_reported_with_what_it_said() -> None:
    program = Program([sys.executable, "-c", "raise SystemExit('no room')"], ready=lambda _: False)
    with pytest.raises(RuntimeError, match="ended with status 1:\nno room"):
        program.start()


def test_node_is_new_enough_and_the_accessibility_checks_are_there() -> None:
    said = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True).stdout
    assert int(said.lstrip("v").split(".")[0]) >= 22
    assert AXE.stat().st_size > 100_000


def test_the_fake_clock_stands_still_until_it_is_advanced(clock: FakeClock, system: System) -> None:
    before = system.now()
    assert system.now() == before
    clock.advance(61.5)
    assert system.now() - before == 61.5


def test_random_bytes_of_the_fake_never_repeat(system: System) -> None:
    drawn = [system.random_bytes(16) for _ in range(1000)]
    assert len(set(drawn)) == 1000
    assert {len(each) for each in drawn} == {16}


def test_a_unit_test_may_not_start_a_program() -> None:
    program = Program([sys.executable, "-c", "pass"], ready=lambda _: True)
    Program.allowed = False
    try:
        with pytest.raises(RuntimeError, match="a unit test may not start"):
            program.start()
    finally:
        Program.allowed = True


def test_a_port_is_not_given_out_twice_and_another_process_has_a_block_of_its_own() -> None:
    mine = [free_port() for _ in range(20)]
    assert len(set(mine)) == 20
    command = [sys.executable, "-c", "from tests.support.ports import free_ports; print(free_ports(4))"]
    theirs = int(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    assert (theirs - FIRST) // SIZE not in {(port - FIRST) // SIZE for port in mine}
