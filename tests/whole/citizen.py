"""A citizen in front of a browser: what people do on the pages, in the words of the pages."""

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from playwright.async_api import Page, expect

from tests.whole.stage import Stage

NORTHBANK, HARBOUR, EID = "Northbank ID", "Harbour Post", "National eID card"
PERSON = "I cannot use any of these: get help from a person"


@dataclass(frozen=True, slots=True)
class Citizen:
    """Acts on one tab."""

    page: Page
    stage: Stage

    async def begin(self, permit: str = "parking", **parameters: str) -> None:
        """Wants something of the sample service, which sends them to the broker."""
        await self.page.goto(f"{self.stage.service}/sign-in?{urlencode({'for': permit, **parameters})}")

    async def choose(self, name: str) -> None:
        """Picks a way and continues."""
        await self.page.get_by_role("radio", name=re.compile(f"^{re.escape(name)}")).check()
        await self.press("Continue")

    async def press(self, name: str) -> None:
        """Presses a button, or follows a link that looks like one."""
        button = self.page.get_by_role("button", name=name, exact=True)
        await button.or_(self.page.get_by_role("link", name=name, exact=True)).first.click()

    async def sees(self, text: str) -> None:
        """The page says so, in its heading."""
        await expect(self.page.get_by_role("heading", level=1)).to_contain_text(text)

    async def play(self, outcome: str, persona: str = "amina") -> None:
        """Decides on a simulated provider's page how this sign-in ends."""
        await self.page.locator(f"input[name=persona][value={persona}]").check()
        await self.page.locator(f"input[name=outcome][value={outcome}]").check()
        await self.page.get_by_role("button").first.click()

    async def share(self) -> None:
        """Agrees to share what the service asks for."""
        await self.sees("Check what you share")
        await self.press("Share and continue")

    async def arrives(self) -> None:
        """Is back at the sample service, signed in."""
        await self.page.wait_for_url(f"{self.stage.service}/signed-in")
        await self.sees("You are signed in")
