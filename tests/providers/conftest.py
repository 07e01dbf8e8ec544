"""A simulator on a server that stays, for every test of the providers."""

from collections.abc import AsyncIterator

import pytest

from broker.ambient import Ambient
from tests.providers.serving import Host, serving
from tests.providers.stage import Stage, stage


@pytest.fixture(scope="session")
async def host() -> AsyncIterator[Host]:
    """A server for one application after the other."""
    made = Host()
    async with serving(made, made.socket):
        yield made


@pytest.fixture
async def here(ambient: Ambient, host: Host) -> AsyncIterator[Stage]:
    """The simulator as new, and the provider that speaks to it."""
    async with stage(ambient, host) as made:
        yield made
