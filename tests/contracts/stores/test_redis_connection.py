"""The connection to Redis that many commands share: every reply reaches its caller, and no caller waits for ever."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop
from hiredis import ReplyError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from broker.model.store_results import StoreUnavailable
from broker.stores.ephemeral import redis_py
from broker.stores.ephemeral.redis_client import RedisClient, reply_code
from broker.stores.ephemeral.redis_connection import (
    MAX_QUEUED,
    ConnectionLost,
    QueueFull,
    RedisAddress,
    RedisConnection,
    connected,
)
from broker.stores.ephemeral.scripts import COUNT
from broker.stores.ephemeral.transport import DEADLINE
from tests.contracts.stores.conftest import TRIES, by_redis_py
from tests.support.examples import scaled
from tests.support.ports import LOOPBACK
from tests.support.redis import RedisServer

PATIENCE = 60.0
"""Seconds after which an answer will not come any more."""
CALLERS = 60
ROUNDS = 40


def on_each_loop(work: Coroutine[Any, Any, None], loop: str) -> None:
    """Runs on the loop that asyncio brings along, or on the one that the broker serves with."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop) as runner:
        runner.run(asyncio.wait_for(work, PATIENCE))


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("transport", ["own connection", "redis-py"])
def test_every_response_reaches_its_caller_despite_killed_connections_and_cancelled_callers(
    redis: RedisServer, transport: str, loop: str
) -> None:
    url = redis.url if transport == "own connection" else by_redis_py(redis)
    on_each_loop(storm(url, redis, random.Random(7)), loop)


async def storm(url: str, redis: RedisServer, chance: random.Random) -> None:
    """Many callers with one question after the other; some lose patience, and connections are cut again and again."""
    server = RedisClient(url)
    seen: Counter[str] = Counter()
    done = asyncio.Event()

    async def ask(caller: int, number: int) -> None:
        word = f"{caller}-{number}-{'x' * chance.choice((1, 100, 70_000))}".encode()
        if number % 3:
            assert await server.command("ECHO", word) == word
        else:
            # a script, which Redis may not have loaded
            count, mirror = await server.run(COUNT, (word.decode(), "mirror"), 60_000)
            assert (count >= 1, mirror) == (True, None)

    async def caller(which: int) -> None:
        for number in range(ROUNDS):
            task = asyncio.ensure_future(ask(which, number))
            if chance.random() < 0.3:
                for _ in range(chance.randrange(6)):
                    await asyncio.sleep(0)
                task.cancel()
            (outcome,) = await asyncio.gather(task, return_exceptions=True)
            if isinstance(outcome, BaseException) and not isinstance(
                outcome, asyncio.CancelledError | StoreUnavailable
            ):
                raise outcome
            seen["answered" if outcome is None else type(outcome).__name__] += 1

    async def killer() -> None:
        async with Redis.from_url(redis.url) as raw:
            while not done.is_set():
                seen["killed"] += await raw.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                if chance.random() < 0.3:
                    await raw.script_flush()
                for _ in range(chance.randrange(30)):
                    await asyncio.sleep(0)

    killing = asyncio.ensure_future(killer())
    await asyncio.gather(*(caller(which) for which in range(CALLERS)))
    done.set()
    await killing
    assert sum(seen[outcome] for outcome in ("answered", "CancelledError", "StoreUnavailable")) == CALLERS * ROUNDS
    assert seen["answered"] > 0
    assert seen["CancelledError"] > 0
    assert seen["killed"] > 5
    assert await server.command("PING") == b"PONG"
    await server.close()


class Pieces:
    """A relay to Redis that splits responses into pieces of given sizes, and disconnects after so many bytes."""

    def __init__(self, redis: RedisServer, sizes: list[int], cut_after: int | None) -> None:
        """Sizes are used one after the other, over and over."""
        self._redis, self._sizes, self._left = redis, sizes, cut_after
        self.port = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Pieces"]:
        """Relays until the block ends."""
        server = await asyncio.start_server(self._carry, LOOPBACK, 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, questions = await asyncio.open_connection(LOOPBACK, self._redis.port)

        async def asked() -> None:
            while data := await reader.read(65_536):
                questions.write(data)
            questions.close()

        asking = asyncio.ensure_future(asked())
        number = 0
        while data := await answers.read(self._sizes[number % len(self._sizes)]):
            number += 1
            if self._left is not None:
                data, self._left = data[: self._left], self._left - len(data)
            writer.write(data)
            await writer.drain()
            if self._left is not None and self._left <= 0:
                self._left = None
                break
        writer.close()
        questions.close()
        await asyncio.gather(asking, return_exceptions=True)


@settings(max_examples=scaled(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    words=st.lists(st.tuples(st.binary(max_size=60), st.booleans()), min_size=1, max_size=30),
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=4),
    cut_after=st.none() | st.integers(1, 800),
)
async def test_answers_may_come_in_any_pieces_and_end_anywhere(
    redis_server: RedisServer, words: list[tuple[bytes, bool]], sizes: list[int], cut_after: int | None
) -> None:
    async with Pieces(redis_server, sizes, cut_after).running() as relay, asyncio.timeout(PATIENCE):
        line = await connected(RedisAddress(LOOPBACK, relay.port), PATIENCE)
        answers = [line.send(("ECHO", word)) for word, _ in words]
        for answer, (_, gives_up) in zip(answers, words, strict=True):
            if gives_up:
                answer.cancel()
        found = await asyncio.gather(*answers, return_exceptions=True)
        line.close()
    results = [found[place] for place, (_, gives_up) in enumerate(words) if not gives_up]
    asked = [word for word, gives_up in words if not gives_up]
    whole = [answer for answer in results if isinstance(answer, bytes)]
    assert whole == asked[: len(whole)]
    assert all(isinstance(answer, ConnectionLost) for answer in results[len(whole) :])
    if cut_after is None:
        assert whole == asked


async def test_a_command_that_cannot_be_encoded_disturbs_no_other(redis: RedisServer) -> None:
    line = await connected(RedisAddress(LOOPBACK, redis.port), PATIENCE)
    before = line.send(("ECHO", "before"))
    for words, error in ((("ECHO", None), TypeError), (("ECHO", "\ud800"), UnicodeEncodeError)):
        with pytest.raises(error):
            line.send(words)
    assert await asyncio.gather(before, line.send(("ECHO", "after"))) == [b"before", b"after"]
    line.close()


async def test_an_error_of_redis_reaches_its_caller_only(redis: RedisServer) -> None:
    line = await connected(RedisAddress(LOOPBACK, redis.port), PATIENCE)
    first, wrong, last = (line.send(words) for words in (("ECHO", "a"), ("NONSENSE",), ("ECHO", "b")))
    with pytest.raises(ReplyError, match="unknown command"):
        await wrong
    assert (await first, await last) == (b"a", b"b")
    line.close()


async def test_a_full_queue_rejects_new_commands_and_answers_waiting_ones(redis: RedisServer) -> None:
    line = await connected(RedisAddress(LOOPBACK, redis.port), PATIENCE)
    waiting = [line.send(("ECHO", str(number))) for number in range(MAX_QUEUED)]
    with pytest.raises(QueueFull):
        await line.send(("PING",))
    assert await asyncio.gather(*waiting) == [str(number).encode() for number in range(MAX_QUEUED)]
    assert await line.send(("PING",)) == b"PONG"
    line.close()


@asynccontextmanager
async def listening(accept: Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]) -> AsyncIterator[int]:
    """Something on a port that is no Redis."""
    server = await asyncio.start_server(accept, LOOPBACK, 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_redis_py_refuses_a_command_when_too_many_wait_and_answers_those(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_py, "MAX_QUEUED", 100)
    server = RedisClient(by_redis_py(redis))
    waiting = [asyncio.ensure_future(server.command("ECHO", str(number))) for number in range(100)]
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable, match="QueueFull"):
        await server.command("PING")
    assert await asyncio.gather(*waiting) == [str(number).encode() for number in range(100)]
    assert await server.command("PING") == b"PONG"
    await server.close()


async def test_words_that_redis_py_cannot_send_disturb_no_other_command(redis: RedisServer) -> None:
    server = RedisClient(by_redis_py(redis))
    outcomes = await asyncio.gather(
        server.command("ECHO", "before"),
        server.command("ECHO", None),
        server.command("ECHO", "after"),
        return_exceptions=True,
    )
    assert (outcomes[0], outcomes[2]) == (b"before", b"after")
    assert isinstance(outcomes[1], TypeError)
    await server.close()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("OOM command not allowed when used memory > 'maxmemory'.", "OOM"),
        ("ERR Error running script (call to f_1): @user_script:9: @user_script: 9: -OOM command not allowed", "OOM"),
        ("ERR Error running script (call to f_1): @user_script:2: @user_script: 2: -READONLY You can't", "READONLY"),
        ("ERR Error running script (call to f_1): @user_script:2: nothing", "ERR"),
        ("ERR value is -OOM not an integer", "ERR"),
    ],
)
def test_the_code_of_an_error_in_a_script_is_found_as_redis_6_2_writes_it(said: str, code: str) -> None:
    assert reply_code(said) == code


async def test_a_connection_that_breaks_late_and_another_that_hangs_take_no_longer_than_one_that_hangs() -> None:
    took: list[float] = []
    # each for itself would be 1.5 s; a busy machine may add time that is not the client's
    while not took or took[-1] >= DEADLINE + 0.6:
        assert len(took) < TRIES, took
        took.append(await breaks_late_and_hangs())


async def breaks_late_and_hangs() -> float:
    """Sends a command over a connection that breaks late, so that it is sent again over one that hangs.

    Returns the seconds until it is refused.
    """
    writers: list[asyncio.StreamWriter] = []

    def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        if len(writers) == 1:
            asyncio.get_running_loop().call_later(0.7, writer.close)

    async with listening(accept) as port:
        server = RedisClient(f"redis://{LOOPBACK}:{port}/0")
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            await server.command("PING")
        took = time.monotonic() - began
        assert len(writers) == 2
        await server.close()
        for writer in writers:
            writer.close()
    return took


async def test_a_connection_that_is_made_after_the_end_is_ended_too(redis: RedisServer) -> None:
    server = RedisClient(redis.url)
    asking = asyncio.ensure_future(server.command("PING"))
    await asyncio.sleep(0)
    await server.close()
    with pytest.raises(StoreUnavailable):
        await asking


async def test_a_caller_cancelled_during_connect_does_not_close_the_connection_of_others(redis: RedisServer) -> None:
    server = RedisClient(redis.url)
    first, second = (asyncio.ensure_future(server.command("ECHO", name)) for name in ("first", "second"))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == b"second"
    assert first.cancelled()
    await server.close()


async def test_an_unsolicited_response_closes_the_connection() -> None:
    talking: list[asyncio.StreamWriter] = []

    def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talking.append(writer)
        writer.write(b"+OK\r\n")

    async with listening(accept) as port, asyncio.timeout(PATIENCE):
        line: RedisConnection = await connected(RedisAddress(LOOPBACK, port), PATIENCE)
        while line.open:
            await asyncio.sleep(0)
        with pytest.raises(ConnectionLost):
            await line.send(("PING",))
        talking[0].close()
