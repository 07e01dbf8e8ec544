"""The whole product for a test, and citizens with browsers."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext

from tests.e2e import extra_clients
from tests.e2e.app_harness import Ahead, Script, Stage, staged
from tests.e2e.citizen_page import Citizen, attended
from tests.e2e.raw_client import HttpSender, http_sender

SCRIPT = Script(
    files=extra_clients.FILES,
    # all citizens of all tests come from one address
    edits={
        "broker.toml": {
            "[picker]": "[limits]\nfailed_user_codes_per_ip = { max = 1000, window = 60 }\n\n[picker]",
            "correction = 0": "correction = 0\nrandom_review_declines = 0.0",
        }
    },
)

Newcomer = Callable[..., Awaitable[Citizen]]


@pytest.fixture(scope="package")
async def shared_stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One stage for every test that leaves nothing behind but its own sign-ins."""
    async with staged(tmp_path_factory.mktemp("stage"), SCRIPT) as stage:
        yield stage


@pytest.fixture(scope="package")
def ahead() -> Ahead:
    """The clock of `clocked_stage`: a test can advance it, and not set it back."""
    return Ahead()


@pytest.fixture(scope="package")
async def clocked_stage(tmp_path_factory: pytest.TempPathFactory, ahead: Ahead) -> AsyncIterator[Stage]:
    """One stage for every test about what time does.

    The sample service has the real clock and rejects tokens of the future: the library accepts them.
    """
    async with staged(tmp_path_factory.mktemp("clocked"), SCRIPT, ahead.system) as stage:
        yield stage


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Folder of a stage for one test."""
    return tmp_path


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def script(request: pytest.FixtureRequest) -> bool:
    """Whether browsers run scripts: nothing may depend on it."""
    return bool(request.param)


@pytest.fixture
async def line() -> AsyncIterator[HttpSender]:
    """Sends requests without a browser."""
    async with http_sender() as sender:
        yield sender


@pytest.fixture
async def newcomer(new_context: Callable[..., Awaitable[BrowserContext]]) -> AsyncIterator[Newcomer]:
    """Makes people with a browser of their own: `await newcomer(stage, script=False)`.

    Asserts after each test that the browsers found no error in the pages.
    """
    came: list[Citizen] = []

    async def come(stage: Stage, *, script: bool = True, **options: object) -> Citizen:
        context = await new_context(java_script_enabled=script, **options)
        came.append(attended(await context.new_page(), stage, []))
        return came[-1]

    yield come
    assert [complaint for one in came for complaint in one.complaints] == []


@pytest.fixture
async def citizen(newcomer: Newcomer, shared_stage: Stage) -> Citizen:
    """A citizen with a fresh browser."""
    return await newcomer(shared_stage)
