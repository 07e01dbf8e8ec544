"""A citizen in front of a browser: what people do on the pages, in the words of the pages."""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from playwright.async_api import ConsoleMessage, Locator, Page, Response, expect

from broker.journey.transaction import Transaction
from tests.e2e.app_harness import Stage

NORTHBANK, HARBOUR, EID = "Northbank ID", "Harbour Post", "National eID card"
PERSON = "I cannot use any of these: get help from a person"
PICKER = "How do you want to prove who you are?"
EXPECTED_STATUS = "Failed to load resource: the server responded with a status of"
"""What Chromium says of a page whose status is no success, which a page may rightly have."""


@dataclass(frozen=True, slots=True)
class Citizen:
    """Acts on one tab. `complaints` is what the browser found wrong with the pages."""

    page: Page
    stage: Stage
    complaints: list[str] = field(default_factory=list)

    async def begin(self, permit: str = "parking", **parameters: str) -> None:
        """Starts a sign-in at the sample service, which redirects to the broker.

        The service demands consent even if it was given before; with `prompt=""` the broker decides.
        """
        asked = {"for": permit, "prompt": "consent", **parameters}
        query = urlencode({name: value for name, value in asked.items() if value})
        await self.page.goto(f"{self.stage.service}/sign-in?{query}")

    async def choose(self, name: str) -> None:
        """Picks a way and continues."""
        await self.page.get_by_role("radio", name=re.compile(f"^{re.escape(name)}")).check()
        await self.press("Continue")

    async def press(self, name: str) -> None:
        """Presses a button, or follows a link that is styled as one."""
        await self._pressable(name).click()

    async def press_twice(self, name: str) -> None:
        """Presses it once more before anything could happen, as many people do."""
        await self._pressable(name).dblclick(no_wait_after=True)

    def _pressable(self, name: str) -> Locator:
        """Names of providers and services are surrounded by invisible directional marks (Unicode isolates)."""
        apart = re.compile("[\u2066-\u2069]*".join(["^", *map(re.escape, name), "$"]))
        return self.page.get_by_role("button", name=apart).or_(self.page.get_by_role("link", name=apart)).first

    async def sees(self, text: str) -> None:
        """Asserts that the heading contains this text."""
        await expect(self.page.get_by_role("heading", level=1)).to_contain_text(text)

    async def reads(self, text: str) -> None:
        """Asserts that the main part contains this text."""
        await expect(self.page.locator("main")).to_contain_text(text)

    async def play(self, outcome: str, persona: str = "amina") -> None:
        """Decides on a simulated provider's page how this sign-in ends."""
        await self.decide(outcome, persona)
        await self.page.get_by_role("button").first.click()

    async def decide(self, outcome: str, persona: str = "amina") -> None:
        """Ticks on a simulated provider's page how this sign-in is to end, and sends nothing yet."""
        await self.page.locator(f"input[name=persona][value={persona}]").check()
        chosen = self.page.locator(f"input[name=outcome][value={outcome}]")
        if not await chosen.is_visible():
            await self.page.locator("details", has=chosen).locator("summary").click()
        await chosen.check()

    async def at(self, provider: str) -> None:
        """Is at a simulated provider."""
        await self.sees(f"Sign in to {provider}")

    async def share(self) -> None:
        """Consents to share the claims."""
        await self.sees("Check what you share")
        await self.press("Share and continue")

    async def ask_for_a_person(self, address: str = "amina@mail.example") -> None:
        """Goes from the picker to the waiting page of assisted verification, by video, with an email address or a
        telephone number.
        """
        await self.choose(PERSON)
        await self.page.get_by_role("radio", name="By video").check()
        way = "email" if "@" in address else "phone"
        await self.page.locator(f"input[name=way][value={way}]").check()
        await self.page.locator(f"#{way}").fill(address)
        await self.press("Ask for help")
        await self.sees("You are in line")

    async def arrives(self) -> None:
        """Is back at the sample service, signed in."""
        await self.page.wait_for_url(f"{self.stage.service}/signed-in")
        await self.sees("You are signed in")

    async def is_refused(self) -> dict[str, str]:
        """Is back at the sample service without an answer; gives the parameters that it came with."""
        await self.page.wait_for_url(f"{self.stage.service}/callback?**")
        await self.sees("You are not signed in")
        return dict(parse_qsl(urlsplit(self.page.url).query))

    async def goes_back(self) -> None:
        """Continues to the service from the page after signing out, without signing out at the provider too."""
        await self.sees("You are signed out")
        await self.page.locator("main a.govuk-button:not(.govuk-button--secondary)").click()

    async def another_tab(self) -> "Citizen":
        """The same person with one more tab of the same browser."""
        return attended(await self.page.context.new_page(), self.stage, self.complaints)

    async def returns(self) -> Response:
        """Presses the browser's back button."""
        response = await self.page.go_back()
        assert response is not None, "a page that may not be kept is asked for again"
        return response

    @property
    def handle(self) -> str:
        """The handle of the transaction whose page is shown."""
        found = re.match(r".*/journey/([A-Za-z0-9_-]+)", self.page.url)
        assert found is not None, f"no page of a journey: {self.page.url}"
        return found[1]

    async def transaction(self, handle: str = "") -> Transaction:
        """The transaction as it is stored."""
        stored = await self.stage.parts.connections.ephemeral_stores.transactions.load(handle or self.handle)
        assert stored is not None
        return stored


def attended(page: Page, stage: Stage, complaints: list[str]) -> Citizen:
    """A citizen at a tab, whose console errors are added to `complaints`."""

    def listen(message: ConsoleMessage) -> None:
        if message.type != "error" or rightly(message):
            return
        complaints.append(f"{message.text} ({message.location})")

    def rightly(message: ConsoleMessage) -> bool:
        asked = urlsplit(str(message.location.get("url", ""))).path
        return message.text.startswith(EXPECTED_STATUS) and not asked.startswith("/static/")

    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return Citizen(page, stage, complaints)
