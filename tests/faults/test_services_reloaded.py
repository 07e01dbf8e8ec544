"""Services come, change and go at every worker of a running broker, and no mistake in a file gets in."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broker.jose import load_signing_key, new_signing_key_pem
from tests.faults.ground import WORKERS, Ground
from tests.machine.key_server import KeyServer, shown
from tests.whole.rider import RIDES, RIDES_SERVICE, Rider, Service, eventually

WALKS = "walks"
AT_EVERY_WORKER = 6 * WORKERS
"""So many connections in a row: that none of them meets one of two workers happens once in a thousand."""


@pytest.fixture
async def ground(broker: Ground) -> AsyncIterator[Ground]:
    """Afterwards the files are as before, and every worker has taken them."""
    files = broker.running.folder / "config"
    before = {file: file.read_bytes() for file in files.rglob("*.toml")}
    yield broker
    for file in files.rglob("*.toml"):
        file.unlink()
    for file, content in before.items():
        file.write_bytes(content)
    await broker.command("reload")
    await eventually(30, lambda: everywhere(broker, walks(broker, "none", "none"), 401))


def walks(ground: Ground, pem: str, kid: str) -> Service:
    """The new service, with a key."""
    key = pem if pem != "none" else ground.service.key
    return Service(WALKS, ground.running.issuer, "http://localhost:9/walks/callback", key, kid)


def file_of(ground: Ground, client_id: str) -> Path:
    """A service's file."""
    return ground.running.folder / "config" / "services" / f"{client_id}.toml"


def write_walks(ground: Ground, keys: str) -> None:
    """The file of the new service."""
    text = RIDES_SERVICE.replace("rides/callback", "walks/callback").replace("rides.example", "walks.example")
    file_of(ground, WALKS).write_text(text.replace('jwks_file = "../../.demo/secrets/rides.jwks.json"', keys))


async def everywhere(ground: Ground, service: Service, status: int) -> bool:
    """Whether every worker answers a pushed request of this service so."""
    for _ in range(AT_EVERY_WORKER):
        if (await ground.rider(service).push()).status != status:
            return False
    return True


async def code(rider: Rider) -> str:
    """A whole sign-in, each step of it at any worker; the code is redeemed."""
    return str((await rider.redeem(await rider.code())).right().told["access_token"])


def said(ground: Ground, event: str) -> int:
    """How often the log says something."""
    return ground.running.program.output.count(f'"event": "{event}"')


async def test_a_new_service_signs_in_at_every_worker_with_keys_that_it_shows_and_changes_itself(
    ground: Ground,
) -> None:
    pems = [new_signing_key_pem("ES256") for _ in range(2)]
    old, new = (load_signing_key(pem, "ES256", kid) for pem, kid in zip(pems, ("old", "new"), strict=True))
    first, second = (walks(ground, pem.decode(), kid) for pem, kid in zip(pems, ("old", "new"), strict=True))
    async with KeyServer(old).running() as keys:
        before = ground.workers()
        write_walks(ground, f'jwks_uri = "{keys.url}"')
        assert "asked for configuration" in await ground.command("reload")
        await eventually(30, lambda: everywhere(ground, first, 201))
        await code(ground.rider(first))
        # each worker asked for itself, once
        assert keys.asked == WORKERS
        keys.body = shown(new)
        await eventually(30, lambda: everywhere(ground, second, 201))
        await code(ground.rider(second))
        asked = keys.asked
        strange = walks(ground, new_signing_key_pem("ES256").decode(), "made-up")
        assert await everywhere(ground, strange, 401) and keys.asked == asked
        # while its server hangs nobody waits: not the service, since its keys are known, and no other
        keys.open.clear()
        async with asyncio.timeout(20):
            assert await everywhere(ground, second, 201) and await everywhere(ground, ground.service, 201)
        # it is taken out by signal: nobody is replaced, and everybody has followed
        file_of(ground, WALKS).unlink()
        os.kill(ground.running.program.pid, signal.SIGHUP)
        await eventually(30, lambda: everywhere(ground, second, 401))
        await code(ground.rider())
        assert ground.workers() == before


async def test_a_mistake_in_one_file_keeps_everything_as_it_was(ground: Ground) -> None:
    write_walks(ground, 'jwks_file = "../../.demo/secrets/rides.jwks.json"')
    file = file_of(ground, RIDES)
    right = file.read_text()
    file.write_text(right.replace("http://localhost:9/rides/callback", "http://*.example/"))
    with pytest.raises(AssertionError, match="holds a wildcard"):
        await ground.command("reload")
    refused = said(ground, "configuration_refused")
    os.kill(ground.running.program.pid, signal.SIGHUP)

    async def all_refused() -> bool:
        return said(ground, "configuration_refused") >= refused + WORKERS

    await eventually(30, all_refused)
    assert "services/rides.toml: redirect_uris[0]" in ground.running.program.output
    new = walks(ground, "none", ground.service.kid)
    assert await everywhere(ground, new, 401) and await everywhere(ground, ground.service, 201)
    # a worker that falls meanwhile is not replaced by one that knows something else, nor do the others stop
    ground.kill(ground.workers()[0])
    await eventually(60, lambda: waits(ground, refused + WORKERS))
    assert (await ground.rider().push()).status == 201
    file.write_text(right)
    await ground.command("reload")
    await eventually(60, lambda: everywhere(ground, new, 201))
    await ground.whole()


async def waits(ground: Ground, refused: int) -> bool:
    """Whether a new worker is there, and has said why it does not begin."""
    return len(ground.workers()) == WORKERS and said(ground, "configuration_refused") > refused
