"""Printed pages in Chromium: no navigation and nothing to press, the reference and how to reach us, and few sheets."""

import re
from collections.abc import Mapping

import pytest
from playwright.async_api import Page

from broker.web.shared.static_files import Statics
from tests.unit.web.axe import opened, put
from tests.unit.web.catalogue import Catalogue
from tests.unit.web.citizen_pages import path

pytestmark = pytest.mark.browser

PRINTED: Mapping[str, int] = {
    f"{path('declined_complained')}/redress": 2,
    path("waiting_scheduled"): 2,
    path("waiting_in_line"): 2,
    f"{path('choose')}/later": 1,
    path("failed_not_verified"): 2,
}
"""Pages that citizens keep on paper, and on how many sheets of A4 they fit in every language."""

PRESSED = """() => [...document.querySelectorAll(
    "button:not([aria-hidden]), input:not([type=hidden]), textarea, select, .pt-footer__links")]
  .filter(one => one.checkVisibility()).map(one => one.outerHTML.slice(0, 100))"""


@pytest.mark.parametrize("language", ["en", "cy", "ar"])
async def test_a_page_on_paper_has_the_reference_and_the_contact_and_nothing_to_press(
    language: str, page: Page, files: Statics, catalogue: Catalogue
) -> None:
    await opened(page, files, "rtl" if language == "ar" else "ltr")
    await page.emulate_media(media="print")
    for name, sheets in PRINTED.items():
        [shown] = [one for one in catalogue.shown if (one.name, one.language) == (name, language)]
        await put(page, shown)
        assert await page.evaluate(PRESSED) == [], name
        text = await page.inner_text("body")
        assert "0300 123 4567" in text, name
        if "/later" not in name:
            assert re.search("P4TR XX92|K7WM 2QXD", text), name
        printed = await page.pdf(format="A4")
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) <= sheets, name
