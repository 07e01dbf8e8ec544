"""Fixtures: the citizens' pages, compiled once for the test run."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.types import ASGIApp

from broker.platform.system import System
from broker.web.shared.pages import PageRenderer
from broker.web.shared.static_files import Statics, statics
from tests.support.serving import serving
from tests.unit.web.catalogue import Catalogue, catalogue_of
from tests.unit.web.citizen_pages import CurrentCitizen, GivenCitizen, all_pages, application
from tests.unit.web.staff import Ready, Stage, ready, staged
from tests.unit.web.staff_catalogue import StaffCatalogue, staff_catalogue_of


@pytest.fixture(scope="session")
def files() -> Statics:
    """The style sheets and other static files of pages."""
    return statics()


@pytest.fixture(scope="session")
def written(files: Statics) -> PageRenderer:
    """Every page in every language."""
    return all_pages(files)


@pytest.fixture
def citizen(monkeypatch: pytest.MonkeyPatch) -> GivenCitizen:
    """The recorded citizen: a test sets the views and reads the calls."""
    given = GivenCitizen()
    given.replace_actions(monkeypatch)
    return given


@pytest.fixture(scope="session")
def current_citizen() -> CurrentCitizen:
    """The citizen that the shared application asks."""
    return CurrentCitizen()


@pytest.fixture(scope="session")
def shared_app(current_citizen: CurrentCitizen, written: PageRenderer, files: Statics) -> ASGIApp:
    """The citizens' application, which has no state of its own: building its routes takes 8 ms."""
    return application(current_citizen, written, files)


@pytest.fixture
def app(citizen: GivenCitizen, current_citizen: CurrentCitizen, shared_app: ASGIApp) -> ASGIApp:
    """The citizens' application for the citizen of the test."""
    current_citizen.citizen = citizen
    return shared_app


@pytest.fixture
async def site(app: ASGIApp) -> AsyncIterator[str]:
    """The origin at which the pages are served, on loopback."""
    async with serving(app) as port:
        yield f"http://localhost:{port}"


@pytest.fixture(scope="session")
async def catalogue(written: PageRenderer, files: Statics) -> Catalogue:
    """Every page of citizens in every state and language, rendered once for the test run."""
    return await catalogue_of(written, files)


@pytest.fixture(scope="session")
async def console_ready(tmp_path_factory: pytest.TempPathFactory) -> Ready:
    """The console's pages, compiled once for the test run, and an empty database."""
    return await ready(tmp_path_factory.mktemp("console"))


@pytest.fixture(scope="session")
async def staff_catalogue(console_ready: Ready, tmp_path_factory: pytest.TempPathFactory) -> StaffCatalogue:
    """Every page of the console in its languages, rendered once for the test run."""
    return await staff_catalogue_of(console_ready, tmp_path_factory.mktemp("catalogue"))


@pytest.fixture
async def stage(console_ready: Ready, tmp_path: Path, system: System) -> AsyncIterator[Stage]:
    """The console without sessions."""
    async with staged(console_ready, tmp_path, system) as set_up:
        yield set_up
