"""What the tests of actions share."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from broker.stores.sql.migrate import migrate
from broker.web.shared.pages import PageRenderer
from tests.support.system import FakeClock
from tests.unit.actions.assisted.case_harness import Stage, staged
from tests.unit.actions.page_world import World, world


@pytest.fixture(scope="session")
async def migrated_facts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database, to be copied."""
    file = tmp_path_factory.mktemp("facts") / "facts.db"
    await migrate(f"sqlite:{file}")
    return file


@pytest.fixture
async def stage(migrated_facts: Path, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Stage]:
    """A broker without pages, whose only way is help from a person."""
    async with staged(migrated_facts, tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def w(stage: Stage) -> World:
    """Two providers, a library, and a citizen."""
    return world(stage, cast(PageRenderer, None))
