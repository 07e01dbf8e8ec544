"""A real Chromium: started once for a run, with a fresh profile for every test, and no way out of this machine."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, async_playwright

from tests.support.programs import need

PATIENCE = 30_000
"""Milliseconds for which anything in a page is waited for: the machine may be busy with something else."""

FLAGS = [
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Whatever host a page names, it is looked for here: sites of different names are ports of this machine.
    "--host-resolver-rules=MAP * 127.0.0.1",
]


@asynccontextmanager
async def chromium(*more_flags: str) -> AsyncIterator[Browser]:
    """Debian's Chromium without a window. Every host name means this machine (127.0.0.1), whatever the port.

    Its sandbox is on, except for root, under whom Chromium cannot have one. Certificates are judged by the context:
    `browser.new_context(ignore_https_errors=True)` for the tests' own certificate authority.
    """
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=need("chromium"),
            args=[*FLAGS, *more_flags],
            chromium_sandbox=os.geteuid() != 0,
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def lenient(folder: Path) -> AsyncIterator[BrowserContext]:
    """A Chromium as it used to be: pages of other sites in a frame see their own cookies. Its profile is the folder."""
    preferences = folder / "Default" / "Preferences"
    preferences.parent.mkdir(parents=True)
    preferences.write_text(json.dumps({"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": False}}))
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            folder,
            executable_path=need("chromium"),
            args=FLAGS,
            chromium_sandbox=os.geteuid() != 0,
            ignore_https_errors=True,
        )
        try:
            yield context
        finally:
            await context.close()
