"""A real Chromium: started once for a run, with a fresh profile for every test, without access to other machines.

The run's browser is Debian's headless shell of Chromium: the same engine, at a third of the CPU time of the complete
browser. It has no settings of a user, such as third-party cookies; tests of those start the complete browser.
"""

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
    # cameras and microphones are simulated, and every page gets them that its Permissions-Policy does not bar
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    # every host name resolves to this machine: sites of different names are ports of loopback
    "--host-resolver-rules=MAP * 127.0.0.1",
]


@asynccontextmanager
async def chromium(*more_flags: str) -> AsyncIterator[Browser]:
    """Chromium's headless shell. Every host name resolves to 127.0.0.1.

    The sandbox is on unless the user is root, which Chromium does not support. A context decides about certificates:
    `browser.new_context(ignore_https_errors=True)` for the tests' own certificate authority.
    """
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=need("chromium-headless-shell"),
            args=[*FLAGS, *more_flags],
            chromium_sandbox=os.geteuid() != 0,
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def complete_chromium(folder: Path, *, third_party_cookies: bool) -> AsyncIterator[BrowserContext]:
    """The complete Chromium with a setting of its user: whether a page of another site in a frame sees its cookies.

    `folder` becomes the profile.
    """
    preferences = folder / "Default" / "Preferences"
    preferences.parent.mkdir(parents=True)
    cookies = {"cookie_controls_mode": 0 if third_party_cookies else 1}
    cookies["block_third_party_cookies"] = not third_party_cookies
    preferences.write_text(json.dumps({"profile": cookies}))
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
