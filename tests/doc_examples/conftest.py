"""One broker at which the service of every guide is registered, with the settings of the guide."""

import subprocess
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.doc_examples.guides import Guide, elsewhere, every_guide, guide
from tests.e2e.app_harness import Script, Stage, staged
from tests.e2e.citizen_page import NORTHBANK, Citizen
from tests.support.ports import free_port


@dataclass(frozen=True, slots=True)
class Street:
    """The broker, and the port of each guide's service."""

    stage: Stage
    ports: Mapping[str, int]

    @property
    def secrets(self) -> Path:
        """Folder that the demonstration's broker shares with the service."""
        return self.stage.folder / ".demo" / "secrets"

    def base(self, name: str) -> str:
        """The address of a guide's service."""
        return f"http://localhost:{self.ports[name]}"

    def laid_out(self, name: str, folder: Path) -> Guide:
        """The files of a guide in a folder, for this broker."""
        found = guide(name)
        found.cut_out(folder, self.stage.issuer, self.base(name))
        return found


@pytest.fixture(scope="package")
async def street(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Street]:
    """The broker of all guides."""
    folder = tmp_path_factory.mktemp("street")
    guides = every_guide()
    ports = {each.name: free_port() for each in guides}
    files = {
        path: elsewhere(text, "", f"http://localhost:{ports[each.name]}")
        for each in guides
        for path, text in each.registrations.items()
    }
    with_own_keys(folder)
    async with staged(folder, Script(files=files)) as stage:
        yield Street(stage, ports)


def with_own_keys(folder: Path) -> None:
    """The guide for a shell makes its keys itself, before its service is registered."""
    secrets = folder / ".demo" / "secrets"
    secrets.mkdir(parents=True)
    guide("curl").cut_out(folder, "", "")
    subprocess.run(["sh", "keys.sh", secrets / "permits-curl"], cwd=folder, check=True)


@pytest.fixture
async def citizen(street: Street, page: Page) -> Citizen:
    """A citizen with a fresh browser."""
    return Citizen(page, street.stage)


async def signs_in(citizen: Citizen, address: str, persona: str = "amina") -> None:
    """Signs a new citizen in, from a URL that redirects to the broker to the service's redirect URI."""
    await citizen.page.goto(address)
    await proves(citizen, persona)


async def proves(citizen: Citizen, persona: str = "amina") -> None:
    """Follows a sign-in from the broker's first page to the redirect URI."""
    await citizen.choose(NORTHBANK)
    await citizen.play("ok", persona)
    await citizen.share()
