"""The pictures in the README. `make screenshots` takes them from a running demonstration."""

import asyncio
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from playwright.async_api import Page

from tests.e2e.citizen_page import NORTHBANK, PICKER, Citizen
from tests.e2e.staff_page import MEI, Colleague
from tests.support.browser import chromium

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
FIRST_PORT = 8300
PHONE, DESK = {"width": 420, "height": 900}, {"width": 1100, "height": 760}


@asynccontextmanager
async def demonstration() -> AsyncIterator[Any]:
    """Runs `portico demo` in an empty folder; gives the addresses of the service and of the console."""
    with tempfile.TemporaryDirectory() as folder:
        env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "PORTICO_DEMO_PORT": str(FIRST_PORT), "HOME": folder}
        running = subprocess.Popen(
            [sys.executable, "-m", "broker", "demo"], cwd=folder, env=env, stdout=subprocess.DEVNULL
        )
        try:
            service, console = (f"http://localhost:{FIRST_PORT + n}" for n in (2, 1))
            await asyncio.to_thread(wait_for, service)
            yield SimpleNamespace(service=service, console=console)
        finally:
            running.terminate()
            running.wait()


def wait_for(url: str) -> None:
    """Waits until an address answers, for half a minute at most. Raises OSError if it does not."""
    for attempt in range(60):
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except OSError:
            if attempt == 59:
                raise
            asyncio.run(asyncio.sleep(0.5))


async def take(page: Page, name: str) -> None:
    """Writes what the page shows to docs/images."""
    await page.screenshot(path=IMAGES / f"{name}.png", full_page=True, animations="disabled")


async def main() -> None:
    """Takes the picker, a failure and the staff console."""
    IMAGES.mkdir(exist_ok=True)
    async with demonstration() as stage, chromium() as browser:
        citizen = Citizen(await browser.new_page(viewport=PHONE), stage)
        await citizen.begin()
        await citizen.sees(PICKER)
        await take(citizen.page, "picker")
        await citizen.choose(NORTHBANK)
        await citizen.at(NORTHBANK)
        await citizen.play("cancelled")
        await citizen.sees("You did not finish")
        await take(citizen.page, "failure")
        another = Citizen(await browser.new_page(viewport=PHONE), stage)
        await another.begin()
        await another.ask_for_a_person()
        colleague = Colleague(await (await browser.new_context(viewport=DESK)).new_page(), stage)
        await colleague.sign_in(MEI)
        await take(colleague.page, "console")


if __name__ == "__main__":
    asyncio.run(main())
