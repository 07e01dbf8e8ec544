"""A member of staff in front of the console."""

from collections.abc import Sequence
from dataclasses import dataclass

from playwright.async_api import Locator, Page, expect

from tests.e2e.app_harness import Stage

TOM, MEI, RHYS, CARYS = "Tom Okafor", "Mei Lindqvist", "Rhys Adeyemi", "Carys Bevan"
"""An agent in training, whose every decision a second person looks at, one who reviews, a lead, and another agent."""

SEEN = ("seen", "valid", "features", "details_match", "record", "face")
LOOK_UPS = ("history", "register")
MOST_CLICKS = 16
"""Clicks of an agent in a simple case at most, from taking it to the decision."""


@dataclass(slots=True)
class Colleague:
    """Acts on one tab of a browser of their own, and counts the clicks since the last case was taken."""

    page: Page
    stage: Stage
    clicks: int = 0

    async def sign_in(self, who: str) -> None:
        """Signs in through the staff's own provider."""
        await self.page.goto(self.stage.console)
        await self.page.locator("a[href^='/sign-in/go']").click()
        await self.page.get_by_label(who).check()
        await self.page.get_by_role("button", name="Continue").click()
        await self.sees("Your desk")

    async def sees(self, heading: str) -> None:
        """Asserts that the heading contains this text."""
        await expect(self.page.get_by_role("heading", level=1)).to_contain_text(heading)

    async def reads(self, text: str) -> None:
        """Asserts that the page contains this text."""
        await expect(self.page.locator("body")).to_contain_text(text)

    async def press(self, name: str) -> None:
        """Presses a button, or follows a link that is styled as one."""
        self.clicks += 1
        button = self.page.get_by_role("button", name=name, exact=True)
        await button.or_(self.page.get_by_role("link", name=name, exact=True)).first.click()

    async def take_next(self) -> None:
        """Gets the case whose turn it is."""
        await self.page.goto(self.stage.console)
        self.clicks = 0
        await self.press("Take the next case")

    async def open(self, reference: str, reason: str = "citizen_called") -> None:
        """Opens a case by the reference that a citizen read out."""
        await self.page.goto(self.stage.console)
        await self.page.locator("#reference").fill(reference)
        await self.page.locator("#reason").select_option(reason)
        await self.press("Open it")

    async def make_next_call(self) -> str:
        """Takes the next call; gives the number to read out."""
        await self.page.goto(self.stage.console)
        await self.press("Make the next call")
        await self.sees("Call the citizen")
        return await self.page.locator("li strong.pt-spoken").last.inner_text()

    async def talk(self) -> tuple[str, str]:
        """Starts the session and exchanges the two words; gives both."""
        first, second = await self.page.locator(".pt-say dd").all_inner_texts()
        await self.press("Both words were right: start")
        return first, second

    async def record(self, name: tuple[str, str] = ("Amina", "Hughes"), born: str = "1987-04-12") -> None:
        """Records a passport, look-ups and the details, and ends the session. An empty name is left out.

        Each page leads on to the next one, to the form of the decision at the end.
        """
        for field, value in (("number", "PQ8812345"), ("country", "GBR"), ("expires", "2031-04-09")):
            await self.page.locator(f"#at-{field}").fill(value)
        await self.looked_up("issuer", "Passport Office")
        await self.answer(SEEN)
        await self.press("Save")
        for look_up in LOOK_UPS:
            await self.looked_up(look_up, "The register")
            await self.tick(self.page.locator(f"[name='lookup.{look_up}']"))
        await self.press("Save")
        for field, value in (("given_name", name[0]), ("family_name", name[1]), ("birthdate", born)):
            await self.page.locator(f"#at-{field}").fill(value)
        await self.press("Save, and the session is over")
        await self.sees("Decide")

    async def looked_up(self, look_up: str, source: str) -> None:
        """Writes down the source and the reference of a look-up."""
        await self.page.locator(f"#source-{look_up}").fill(source)
        await self.page.locator(f"#reference-{look_up}").fill("R-2027/1")

    async def tick(self, box: Locator) -> None:
        """Chooses an answer."""
        self.clicks += 1
        await box.check()

    async def decide(self, decision: str, *reasons: str) -> None:
        """Decides, or writes down what they would decide."""
        await self._choose(decision, reasons)
        self.clicks += 1
        await self.page.locator("form[action$='/decision'] button, form[action$='/view'] button").first.click()

    async def agree(self) -> None:
        """Agrees with the agent, after an own view was written down."""
        await self.press("Agree or disagree")
        await self._choose("agree", ())
        await self.press("Finish the review")
        await self.sees("Your review is recorded")

    async def _choose(self, decision: str, reasons: Sequence[str]) -> None:
        await self.tick(self.page.locator(f"#decision-{decision}"))
        for reason in reasons:
            await self.tick(self.page.locator(f"#{decision}-{reason}"))

    async def answer(self, checks: Sequence[str]) -> None:
        """Answers checks with yes."""
        for check in checks:
            await self.tick(self.page.locator(f"[name='check.{check}'][value=yes]"))


async def verify_again(agent: Colleague, reviewer: Colleague) -> tuple[str, str]:
    """The next case, which was verified before, by the same two people; gives the new words."""
    await agent.take_next()
    await agent.reads("Another meeting: what was recorded is kept.")
    words = await agent.talk()
    await agent.press("Change Passport")
    await agent.answer(("face",))
    await agent.press("Save")
    await agent.press("The session is over")
    await agent.press("Decide")
    await agent.decide("approve")
    await agent.sees("Your decision is recorded")
    await review(reviewer)
    return words


async def review(reviewer: Colleague) -> None:
    """The second person takes the next case and agrees."""
    await reviewer.take_next()
    await reviewer.press("Write down my own view")
    await reviewer.decide("approve")
    await reviewer.agree()


async def verify(
    agent: Colleague, reviewer: Colleague, name: tuple[str, str] = ("Amina", "Hughes"), born: str = "1987-04-12"
) -> tuple[str, str]:
    """The next case in line is verified by two people; gives the two words that agent and citizen exchanged."""
    await agent.sign_in(TOM)
    await agent.take_next()
    words = await agent.talk()
    await agent.record(name, born)
    await agent.decide("approve")
    await agent.sees("Your decision is recorded")
    assert agent.clicks <= MOST_CLICKS
    await reviewer.sign_in(MEI)
    await review(reviewer)
    return words
