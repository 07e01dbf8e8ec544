"""One broker for all attacks: none of them may disturb the broker or a sign-in under way."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.e2e import extra_clients
from tests.e2e.app_harness import Script, Stage, staged
from tests.e2e.raw_client import HttpSender, http_sender
from tests.e2e.relying_service import RIDES_SERVICE, land_register, rides
from tests.security.endpoint_client import Endpoints, Victim, victim

# every attack comes from one address, and none may be turned away for its number
LIMITS = """[limits]
authorization_requests_per_ip = { max = 100000, window = "1 minute" }
requests_per_client = { max = 100000, window = "1 minute" }
failed_authentications_per_ip = { max = 100000, window = "1 minute" }

[keys]"""
SCRIPT = Script(
    files={
        "services/rides.toml": f'ciba = "poll"\nown_scopes = ["ssf.read", "ssf.manage"]\n{RIDES_SERVICE}',
        **extra_clients.FILES,
    },
    edits={"broker.toml": {"[keys]": LIMITS}},
)


@pytest.fixture(scope="package")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The broker, its services and its providers."""
    async with staged(tmp_path_factory.mktemp("attacks"), SCRIPT) as running:
        yield running


@pytest.fixture
async def line() -> AsyncIterator[HttpSender]:
    """How honest people send."""
    async with http_sender() as sender:
        yield sender


@pytest.fixture
async def endpoints(stage: Stage) -> AsyncIterator[Endpoints]:
    """How attackers send."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Endpoints(stage.issuer, session)


@pytest.fixture
async def held(stage: Stage, line: HttpSender) -> AsyncIterator[Victim]:
    """A citizen whose sign-in is attacked and must still succeed."""
    attacked = await victim(line, rides(stage.folder, stage.issuer))
    yield attacked
    await attacked.goes_on()


@pytest.fixture
async def bound(stage: Stage, line: HttpSender) -> AsyncIterator[Victim]:
    """A citizen whose service holds sender-constrained tokens."""
    attacked = await victim(line, land_register(stage.folder, stage.issuer, stage.service))
    yield attacked
    await attacked.goes_on()
