"""A user with a keyboard only, in a browser with or without script."""

import re

from playwright.async_api import Page

_SEEN = """() => { const box = document.activeElement.getBoundingClientRect();
  return box.bottom > 0 && box.top < innerHeight; }"""


class Keyboard:
    """Presses keys in one tab."""

    def __init__(self, page: Page) -> None:
        """Uses this page."""
        self.page = page

    async def to(self, what: str) -> None:
        """Presses Tab until the element with this selector has the focus and is inside the viewport."""
        for _ in range(160):
            await self.page.keyboard.press("Tab")
            if await self.page.evaluate("what => document.activeElement.matches(what)", what):
                assert await self.page.evaluate(_SEEN), what
                return
        raise AssertionError(f"the tab key does not lead to {what} on {self.page.url}")

    async def press(self, what: str, key: str = "Enter") -> None:
        """Presses a key on an element; waits for the navigation after Enter."""
        await self.to(what)
        if key == "Enter":
            async with self.page.expect_navigation():
                await self.page.keyboard.press(key)
        else:
            await self.page.keyboard.press(key)

    async def write(self, what: str, text: str) -> None:
        """Types into a field."""
        await self.to(what)
        await self.page.keyboard.type(text)

    async def choose(self, name: str, value: str) -> None:
        """Chooses a radio: with the space bar, then with arrow keys."""
        await self.press(f'[name="{name}"]', "Space")
        await self.pick(value)

    async def pick(self, value: str) -> None:
        """Moves with arrow keys to the radio with a value, in the group that has the focus."""
        for _ in range(12):
            if await self.page.evaluate("document.activeElement.value") == value:
                return
            await self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"no radio with {value} on {self.page.url}")

    async def answer(self, checks: tuple[str, ...]) -> None:
        """Answers checks of the console with yes."""
        for check in checks:
            await self.choose(f"check.{check}", "yes")

    async def reads(self, text: str) -> None:
        """Asserts that the page contains a text."""
        assert re.search(text, await self.page.inner_text("body")), (text, self.page.url)
