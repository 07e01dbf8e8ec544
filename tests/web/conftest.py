"""The citizens' pages, compiled once for the run."""

import pytest
from starlette.types import ASGIApp

from broker.web.pages import Pages
from broker.web.static_files import Statics, statics
from tests.web.doors import GivenCitizen, all_pages, application


@pytest.fixture(scope="session")
def files() -> Statics:
    """The style sheets and what else pages refer to."""
    return statics()


@pytest.fixture(scope="session")
def written(files: Statics) -> Pages:
    """Every page in every language."""
    return all_pages(files)


@pytest.fixture
def citizen() -> GivenCitizen:
    """The citizen behind the pages: a test says what they see, and reads what they did."""
    return GivenCitizen()


@pytest.fixture
def app(citizen: GivenCitizen, written: Pages, files: Statics) -> ASGIApp:
    """The citizens' side of the broker."""
    return application(citizen, written, files)
