"""Services come, change and go at every worker of a running broker, and no mistake in a file gets in."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broker.crypto.jose import load_signing_key, new_signing_key_pem
from tests.e2e.raw_client import RawCitizen, eventually
from tests.e2e.relying_service import RIDES, RIDES_SERVICE, Service
from tests.resilience.cluster import WORKERS, Deployment
from tests.support.configuration import inline
from tests.support.key_server import KeyServer, jwks_bytes

WALKS = "walks"
AT_EVERY_WORKER = 6 * WORKERS
"""So many connections in a row: that none of them meets one of two workers happens once in a thousand."""


@pytest.fixture
async def deployment(broker: Deployment) -> AsyncIterator[Deployment]:
    """Afterwards the files are as before, and every worker has taken them."""
    files = broker.running.folder / "config"
    before = {file: file.read_bytes() for file in files.rglob("*.toml")}
    yield broker
    for file in files.rglob("*.toml"):
        file.unlink()
    for file, content in before.items():
        file.write_bytes(content)
    await broker.whole()
    await reload(broker)


async def reload(deployment: Deployment) -> None:
    """`portico reload`, until every worker has taken it."""
    version = int(re.findall(r"configuration (\d+)", await deployment.command("reload"))[0])
    await eventually(60, lambda: counted(deployment, f'"configuration_applied", "version": {version},', WORKERS))


async def hang_up(deployment: Deployment, event: str) -> None:
    """Sends SIGHUP to the first process, and waits until every worker has logged the result."""
    before = said(deployment, f'"{event}"')
    os.kill(deployment.running.program.pid, signal.SIGHUP)
    await eventually(60, lambda: counted(deployment, f'"{event}"', before + WORKERS))


def said(deployment: Deployment, words: str) -> int:
    """Counts a text in the log."""
    return deployment.running.program.output.count(words)


async def counted(deployment: Deployment, words: str, times: int) -> bool:
    """True if the log contains a text so often by now."""
    return said(deployment, words) >= times


def walks(deployment: Deployment, key: str, kid: str) -> Service:
    """The new service, with a key (PEM)."""
    return Service(WALKS, deployment.running.issuer, "http://localhost:9/walks/callback", key, kid)


def file_of(deployment: Deployment, client_id: str) -> Path:
    """A service's file."""
    return deployment.running.folder / "config" / "services" / f"{client_id}.toml"


def write_walks(deployment: Deployment, keys: str) -> None:
    """The file of the new service."""
    text = RIDES_SERVICE.replace("rides/callback", "walks/callback").replace("rides.example", "walks.example")
    file_of(deployment, WALKS).write_text(text.replace('jwks_file = "../../.demo/secrets/rides.jwks.json"', keys))


async def everywhere(deployment: Deployment, service: Service, status: int) -> bool:
    """Whether every worker answers a pushed request of this service so."""
    for _ in range(AT_EVERY_WORKER):
        if (await deployment.raw_citizen(service).push()).status != status:
            return False
    return True


async def code(raw_citizen: RawCitizen) -> str:
    """A whole sign-in, each step of it at any worker; the code is redeemed."""
    return str((await raw_citizen.redeem(await raw_citizen.code())).expect().json["access_token"])


async def test_a_new_service_signs_in_at_every_worker_with_keys_that_it_shows_and_changes_itself(
    deployment: Deployment,
) -> None:
    pems = [new_signing_key_pem("ES256") for _ in range(2)]
    old, new = (load_signing_key(pem, "ES256", kid) for pem, kid in zip(pems, ("old", "new"), strict=True))
    first, second = (walks(deployment, pem.decode(), kid) for pem, kid in zip(pems, ("old", "new"), strict=True))
    async with KeyServer(old).running() as keys:
        before = deployment.workers()
        write_walks(deployment, f'jwks_uri = "{keys.url}"')
        await reload(deployment)
        assert await everywhere(deployment, first, 201)
        await code(deployment.raw_citizen(first))
        keys.body = jwks_bytes(old, new)
        assert await everywhere(deployment, second, 201)
        await code(deployment.raw_citizen(second))
        # each worker fetched when it read the file, and once more at the new kid: invented kids cause no fetch
        strange = walks(deployment, new_signing_key_pem("ES256").decode(), "made-up")
        assert await everywhere(deployment, strange, 401)
        assert keys.asked <= 2 * WORKERS
        # while its jwks_uri hangs no request waits: the service's keys are cached, and other services do not need it
        keys.open.clear()
        async with asyncio.timeout(60):
            assert await everywhere(deployment, first, 201)
            assert await everywhere(deployment, deployment.service, 201)
        # a signal removes it: no worker is replaced, and all workers have reloaded
        file_of(deployment, WALKS).unlink()
        await hang_up(deployment, "configuration_applied")
        assert await everywhere(deployment, first, 401)
        await code(deployment.raw_citizen())
        assert deployment.workers() == before


async def test_a_mistake_in_one_file_keeps_everything_as_it_was(deployment: Deployment) -> None:
    pem = new_signing_key_pem("ES256")
    own = load_signing_key(pem, "ES256")
    write_walks(deployment, f"jwks = {inline({'keys': [dict(own.jwk)]})}")
    file = file_of(deployment, RIDES)
    right = file.read_text()
    file.write_text(right.replace("http://localhost:9/rides/callback", "http://*.example/"))
    with pytest.raises(AssertionError, match="contains a wildcard"):
        await deployment.command("reload")
    await hang_up(deployment, "configuration_refused")
    assert "services/rides.toml: redirect_uris[0]" in deployment.running.program.output
    new = walks(deployment, pem.decode(), own.kid)
    assert await everywhere(deployment, new, 401)
    assert await everywhere(deployment, deployment.service, 201)
    # a worker that ends meanwhile is not replaced by one with other settings, and the others continue
    refused = said(deployment, '"configuration_refused"')
    deployment.kill(deployment.workers()[0])
    await eventually(60, lambda: counted(deployment, '"configuration_refused"', refused + 1))
    assert len(deployment.workers()) == WORKERS
    assert (await deployment.raw_citizen().push()).status == 201
    file.write_text(right)
    await deployment.whole()
    await reload(deployment)
    assert await everywhere(deployment, new, 201)
