"""The whole product for a test, and a citizen with a browser."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.whole.citizen import Citizen
from tests.whole.stage import Stage, staged


@pytest.fixture(scope="session")
async def shared_stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One stage for every test that leaves nothing behind but its own sign-ins."""
    async with staged(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a stage of the test's own keeps its data."""
    return tmp_path


@pytest.fixture
def citizen(page: Page, shared_stage: Stage) -> Citizen:
    """Somebody with a fresh browser."""
    return Citizen(page, shared_stage)
