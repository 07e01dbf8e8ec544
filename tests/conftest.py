"""What every test may ask for by name. Servers start when the first test asks, and end with the run."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

# Before anything is imported from them: asserts in the tests' own helpers are then real tests too, even under -O.
TESTS = Path(__file__).parent
pytest.register_assert_rewrite(
    *(f"{TESTS.name}.{path.stem}" for path in TESTS.iterdir() if not path.name.startswith(("_", ".", "conftest")))
)

from hypothesis import HealthCheck, settings  # noqa: E402
from playwright.async_api import Browser, BrowserContext, Page, expect  # noqa: E402

from broker.platform.system import System  # noqa: E402
from tests.support import memo  # noqa: E402
from tests.support.browser import PATIENCE, chromium  # noqa: E402
from tests.support.certificates import Authority  # noqa: E402
from tests.support.forked_workers import ForkedWorkers  # noqa: E402
from tests.support.lanes import Lanes  # noqa: E402
from tests.support.peers import Peer  # noqa: E402
from tests.support.postgres import PostgresServer  # noqa: E402
from tests.support.redis import RedisServer  # noqa: E402
from tests.support.system import FakeClock, FakeRandom  # noqa: E402

# No deadline: the machine may be busy with something else. In CI the same examples every time.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("here"), derandomize=True, print_blob=True)
# for a first look: `--hypothesis-profile quick`
settings.register_profile("quick", parent=settings.get_profile("here"), max_examples=10, stateful_step_count=20)
settings.load_profile("ci" if os.environ.get("CI") else "here")

expect.set_options(timeout=PATIENCE)

memo.install()


class NoneSkipped:
    """A test that was not run has shown nothing: any skip or expected failure fails the run."""

    def __init__(self) -> None:
        """None so far."""
        self.skipped: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called after each phase of each test."""
        if report.skipped:
            self.skipped.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Called after each file was read; a whole file may have skipped itself."""
        if report.skipped:
            self.skipped.append(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Turn a pass into a failure if anything was skipped."""
        if self.skipped and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say why."""
        if self.skipped:
            terminalreporter.write_line(f"FAILED: skipped, and nothing may be: {', '.join(self.skipped)}", red=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the option of the workers."""
    parser.addoption("--workers", type=int, default=0, help="processes that run the tests (0: this one)")


def pytest_configure(config: pytest.Config) -> None:
    """Registers what counts skips, what puts tests into lanes, and the workers."""
    config.pluginmanager.register(NoneSkipped())
    lanes = Lanes(config)
    config.pluginmanager.register(lanes)
    if workers := config.getoption("--workers"):
        config.pluginmanager.register(ForkedWorkers(workers, lanes.group))


# --- time and chance ---


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until the test lets it go on."""
    return FakeClock()


@pytest.fixture
def system(clock: FakeClock) -> System:
    """Time from `clock`; chance that is the same in every run."""
    return System(now=clock.now, random_bytes=FakeRandom().draw, monotonic=clock.tick)


# --- Redis ---


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """The run's Redis as the last test left it; a test asks for `redis` or `redis_url`."""
    server = RedisServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def redis(redis_server: RedisServer) -> RedisServer:
    """A real Redis, running and empty, that the test may flush, freeze, stop, kill and start."""
    redis_server.renew()
    return redis_server


@pytest.fixture
def redis_url(redis: RedisServer) -> str:
    """The address of that Redis, as redis-py takes it."""
    return redis.url


# --- PostgreSQL ---


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The run's PostgreSQL as the last test left it; a test asks for `postgres` or `database`."""
    server = PostgresServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> PostgresServer:
    """A real PostgreSQL, running, that the test may stop, kill and start; `with postgres.database() as url`."""
    postgres_server.start()
    return postgres_server


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    """The address of a fresh, empty database, as asyncpg takes it; it is dropped after the test."""
    with postgres.database() as url:
        yield url


# --- a browser ---

NewContext = Callable[..., Awaitable[BrowserContext]]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The run's Chromium. Every host name leads to this machine."""
    async with chromium() as started:
        yield started


@pytest.fixture
async def new_context(browser: Browser) -> AsyncIterator[NewContext]:
    """Makes browsers that know nothing of each other: `await new_context(java_script_enabled=False, ...)`.

    Takes what playwright's `browser.new_context` takes. All are closed after the test.
    """
    async with AsyncExitStack() as opened:

        async def new(**options: object) -> BrowserContext:
            context = await browser.new_context(**options)
            opened.push_async_callback(context.close)
            return context

        yield new


@pytest.fixture
async def page(new_context: NewContext) -> Page:
    """One tab of a fresh browser."""
    return await (await new_context()).new_page()


# --- TLS, and other people's programs ---


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority of the tests' own."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def peer() -> Iterator[Callable[..., Peer]]:
    """Starts Node scripts of tests/interop: `peer("provider.mjs", env={...})`; all are ended after the test."""
    started: list[Peer] = []

    def start(script: str, *arguments: str, port: int | None = None, env: dict[str, str] | None = None) -> Peer:
        started.append(Peer(script, *arguments, port=port, env=env))
        return started[-1].start()

    yield start
    for one in reversed(started):
        one.stop()
