"""Every page in Chromium: no axe violation, and nothing cut off, in every language and at both widths."""

from collections.abc import Sequence

import pytest
from playwright.async_api import Page

from broker.web.shared.static_files import Statics
from tests.unit.web.axe import look, opened
from tests.unit.web.catalogue import Catalogue
from tests.unit.web.shown_pages import Shown
from tests.unit.web.staff import Ready
from tests.unit.web.staff_catalogue import StaffCatalogue

pytestmark = pytest.mark.browser

IN_FRAMES = {"services out", "/signed-out/signed-out-as-frames/frames"}
"""A document of hidden frames, which no one reads."""


async def checked(page: Page, files: Statics, shown: Sequence[Shown], direction: str) -> None:
    """Asserts that nothing is wrong with the pages of one direction."""
    pages = [one for one in shown if f'dir="{direction}" class="govuk-template"' in one.html]
    assert len(pages) > 100
    await opened(page, files, direction)
    assert await look(page, [one for one in pages if one.name not in IN_FRAMES]) == {}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("direction", ["ltr", "rtl"])
async def test_no_page_of_citizens_has_an_axe_violation_or_is_cut_off(
    direction: str, page: Page, files: Statics, catalogue: Catalogue
) -> None:
    await checked(page, files, catalogue.shown, direction)


@pytest.mark.store
@pytest.mark.timeout(300)
async def test_no_page_of_the_console_has_an_axe_violation_or_is_cut_off(
    page: Page, console_ready: Ready, staff_catalogue: StaffCatalogue
) -> None:
    await checked(page, console_ready.files, staff_catalogue.shown, "ltr")
