"""Rendered pages in Chromium: axe-core, and what is cut off at 320 or 1024 pixels, also with long names.

The pages are put one after the other into one document with their style sheet, so that neither a server nor a
navigation is needed for each. What no script has shown yet, and what details hide, is shown for it.
"""

import re
from collections.abc import Iterator, Sequence

from playwright.async_api import Page, Route

from broker.web.shared.static_files import Statics
from tests.support.peers import AXE
from tests.unit.web.shown_pages import LONG, Shown

ORIGIN = "http://pages.test"
RULES = {
    "resultTypes": ["violations"],
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
    # the contrast of text is that of level AAA
    "rules": {"color-contrast": {"enabled": False}, "color-contrast-enhanced": {"enabled": True}},
}
CUT_OFF = """() => [...document.querySelectorAll('main *, header *, footer *')]
  .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1
            || e.getBoundingClientRect().left < -1)
  .filter(e => !e.closest('.govuk-visually-hidden') && !e.closest('.govuk-radios__input'))
  .map(e => 'cut off: ' + e.outerHTML.slice(0, 120))"""
_VIOLATIONS = """async rules => (await axe.run(rules)).violations.flatMap(one => one.nodes.map(
  node => `${one.id}: ${node.html.slice(0, 160)} ${node.failureSummary.slice(0, 200)}`))"""
_PUT = """html => {
  const given = new DOMParser().parseFromString(html, 'text/html'), own = document.documentElement;
  for (const {name, value} of given.documentElement.attributes) own.setAttribute(name, value);
  document.title = given.title;
  document.body.replaceWith(document.adoptNode(given.body));
  scrollTo(0, 0);
}"""
_LOOK = (
    """async ([pages, rules, whole, name]) => {
  const put = PUT, cutOff = CUT_OFF, violations = VIOLATIONS, found = [];
  for (const html of pages) {
    put(html);
    document.querySelectorAll('details').forEach(one => one.open = true);
    document.querySelectorAll('main [hidden]:not(iframe)').forEach(one => one.hidden = false);
    const faults = cutOff();
    if (whole) {
      faults.push(...await violations(rules));
      document.querySelectorAll('bdi').forEach(one => one.textContent = name);
      faults.push(...cutOff().map(e => 'with a long name, ' + e));
    }
    found.push(faults);
  }
  return found;
}""".replace("PUT", _PUT)
    .replace("CUT_OFF", CUT_OFF)
    .replace("VIOLATIONS", _VIOLATIONS)
)
_AT_ONCE = 25
"""How many pages go into one call of the browser."""


async def violations(page: Page) -> list[str]:
    """The violations that axe finds in the present page, each with its element."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text())
    return list(await page.evaluate(_VIOLATIONS, RULES))


async def opened(page: Page, files: Statics, direction: str) -> None:
    """Opens the empty document with the style sheet of pages in a direction, and with axe."""

    async def given(route: Route) -> None:
        name = route.request.url.removeprefix(ORIGIN)
        if name in files.files:
            file = files.files[name]
            await route.fulfill(body=file.plain, content_type=file.media_type)
        elif name == "/":
            sheet = f'<link rel="stylesheet" href="{files.styles[direction]}"><link rel="icon" href="data:,">'
            head = f'<head><meta name="viewport" content="width=device-width">{sheet}</head>'
            await route.fulfill(body=f"<!DOCTYPE html><html>{head}<body></body></html>", content_type="text/html")
        else:
            await route.abort()

    await page.route("**/*", given)
    await page.goto(f"{ORIGIN}/")
    await page.evaluate(AXE.read_text())


async def put(page: Page, shown: Shown) -> None:
    """Puts a page into the document that was opened."""
    await page.evaluate(_PUT, shown.html)


async def look(page: Page, pages: Sequence[Shown]) -> dict[str, list[str]]:
    """What is wrong with these pages, by name and width. All of them have the direction that was opened.

    Every page has to fit into 320 pixels. Of pages with the same markup around other texts, axe reads the first one,
    and only that is looked at in the wide window.
    """
    first: dict[str, Shown] = {}
    for one in pages:
        first.setdefault(markup(one.html), one)
    return {
        **await _look(page, list(first.values()), 320, whole=True),
        **await _look(page, list(first.values()), 1024, whole=False),
        **await _look(page, [one for one in pages if first[markup(one.html)] is not one], 320, whole=False),
    }


async def _look(page: Page, pages: Sequence[Shown], width: int, *, whole: bool) -> dict[str, list[str]]:
    await page.set_viewport_size({"width": width, "height": 900})
    faults: dict[str, list[str]] = {}
    for part in batched(pages, _AT_ONCE):
        found: list[list[str]] = await page.evaluate(_LOOK, [[one.html for one in part], RULES, whole, LONG])
        faults |= {f"{one.name} in {one.language} at {width}": bad for one, bad in zip(part, found, strict=True) if bad}
    return faults


def batched(pages: Sequence[Shown], size: int) -> Iterator[Sequence[Shown]]:
    """The pages in parts."""
    return (pages[at : at + size] for at in range(0, len(pages), size))


_TEXT = re.compile(r">[^<]*[^<\s][^<]*<")
_VALUE = re.compile(
    r'(?<=\s)(value|href|action|formaction|lang|data-options|aria-label|src|d|viewBox)="[^"]+"|/[\w-]{16,128}'
)


def markup(html: str) -> str:
    """The markup of a page without its texts, addresses and values."""
    body = html.partition("<body")[2]
    return _VALUE.sub(r"\1", _TEXT.sub(">x<", body))
