"""A simulator on a server that stays, for every test of the providers."""

from collections.abc import AsyncIterator

import pytest

from broker.platform.system import System
from tests.support.serving import serving
from tests.unit.providers.serving import Host
from tests.unit.providers.stage import Stage, stage


@pytest.fixture(scope="package")
async def host() -> AsyncIterator[Host]:
    """A server for one application after the other."""
    made = Host()
    async with serving(made, made.socket):
        yield made


@pytest.fixture
async def here(system: System, host: Host) -> AsyncIterator[Stage]:
    """A new simulator, and the provider that uses it."""
    async with stage(system, host) as made:
        yield made
