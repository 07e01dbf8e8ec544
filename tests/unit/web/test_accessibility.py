"""Accessibility of every page in Chromium: no axe violation, nothing cut off, both text directions, both widths."""

import json

import pytest
from playwright.async_api import Page, Route

from broker.model.failures import FailureClass
from broker.model.freeze_link import LinkState
from tests.conftest import NewContext
from tests.support.peers import AXE
from tests.unit.web.citizen_pages import CODE, GivenCitizen, path
from tests.unit.web.examples import ACCOUNT, VIEWS

pytestmark = pytest.mark.browser

RULES = {
    "resultTypes": ["violations"],
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
}

FAILURES = tuple(path(f"failed_{failure}") for failure in FailureClass)
OTHERS = (
    *(path(view) for view in VIEWS if not view.startswith("failed_")),
    f"{path('choose')}?problem=choice",
    f"{path('failed_not_verified')}?problem=choice",
    f"{path('choose')}?problem=again",
    f"{path('waiting_to_take_up')}?problem=proof",
    *(f"{path('choose')}/{page}" for page in ("have", "have?bank_account=1", "about/alder", "data", "help", "later")),
    *("/account/ways", "/account/ways?done=moved", "/account/ways/unlink?way=key-of-birch"),
    *(f"/freeze/{state}" for state in LinkState),
    "/continue",
    "/continue?problem=code&code=ABCD-EFGH",
    *("/", "/providers", "/help", "/accessibility", "/privacy", "/cookies", "/errors"),
    # These pages share a template that holds only text: one class with related classes, and one without.
    *(f"/errors/{failure}" for failure in (FailureClass.BAD_REQUEST, FailureClass.BAD_LINK)),
    *("/no-such-page", "/broken", "/unreachable"),
)
GROUPS = {"failures": FAILURES, "journey": OTHERS[: len(OTHERS) // 2], "more": OTHERS[len(OTHERS) // 2 :]}
"""Every page of the citizens' application, in groups that are tested separately."""


async def violations(page: Page) -> list[str]:
    """The violations that axe finds, each with its element."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text())
    found = await page.evaluate(f"async () => (await axe.run({json.dumps(RULES)})).violations")
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:200]}" for one in found for node in one["nodes"]
    ]


CUT_OFF = """() => [...document.querySelectorAll('main *, header *, footer *')]
  .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1
            || e.getBoundingClientRect().left < -1)
  .filter(e => !e.closest('.govuk-visually-hidden') && !e.closest('.govuk-radios__input'))
  .map(e => e.outerHTML.slice(0, 120))"""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("language", ["en", "ar"])
async def test_no_page_has_an_axe_violation_or_is_cut_off(
    language: str, group: str, site: str, citizen: GivenCitizen, new_context: NewContext
) -> None:
    citizen.account = ACCOUNT
    context = await new_context()
    await context.add_cookies(
        [
            {"name": "__Host-portico-language", "value": language, "domain": "localhost", "path": "/", "secure": True},
            {"name": "portico-code", "value": CODE, "domain": "localhost", "path": "/"},
        ]
    )
    page = await context.new_page()
    await page.route("**/*", stay)
    faults: dict[str, object] = {}
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on(
        "console", lambda said: faults.update({said.text: "policy"} if "Content Security Policy" in said.text else {})
    )
    for address in GROUPS[group]:
        await page.goto(site + address)
        assert await page.evaluate("document.documentElement.lang") == language
        for width in (320, 1024):
            await page.set_viewport_size({"width": width, "height": 900})
            if found := [*await violations(page), *await page.evaluate(CUT_OFF)]:
                faults[f"{address} at {width}"] = found
    assert faults == {}
    assert [url for url in asked if not url.startswith(f"{site}/")] == []


async def stay(route: Route) -> None:
    """Removes Refresh, so that the page stays for the test."""
    if route.request.resource_type == "script":
        await route.abort()
        return
    response = await route.fetch()
    headers = {name: value for name, value in response.headers.items() if name != "refresh"}
    await route.fulfill(response=response, headers=headers)
