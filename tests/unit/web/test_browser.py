"""The pages in Chromium: by keyboard, without script, with the back button."""

import re
from dataclasses import replace

import pytest
from playwright.async_api import Page, Route
from playwright.async_api import expect as expected

from broker.actions.views import RedirectAway
from broker.model.failures import FAILURES, FailureClass
from broker.web.citizens.failure_texts import FAILURE_TEXTS
from tests.conftest import NewContext
from tests.unit.web.citizen_pages import GivenCitizen, path
from tests.unit.web.example_views import VIEWS
from tests.unit.web.examples import HANDLE

pytestmark = pytest.mark.browser

JOURNEY = f"/journey/{HANDLE}"
ELSEWHERE = "http://provider.test/sign-in"
FINISHED = "http://service.test/return"


async def strangers(route: Route) -> None:
    """Another origin: responds with its name and the request it received."""
    sent = route.request.post_data or ""
    await route.fulfill(content_type="text/html", body=f"<h1>Elsewhere</h1><p>{route.request.method} {sent}</p>")


@pytest.fixture(params=[True, False], ids=["script on", "script off"])
def scripted(request: pytest.FixtureRequest) -> bool:
    """Whether the browser runs scripts."""
    return bool(request.param)


@pytest.fixture
async def tab(new_context: NewContext, *, scripted: bool) -> Page:
    """One tab; requests to other origins are answered by `strange`."""
    context = await new_context(java_script_enabled=scripted)
    await context.route("http://*.test/**", strangers)
    return await context.new_page()


async def test_leaving_goes_by_itself_and_the_back_button_comes_to_rest(
    tab: Page, site: str, citizen: GivenCitizen
) -> None:
    leave = VIEWS["leave"]
    assert isinstance(leave, RedirectAway)
    citizen.view, citizen.then = VIEWS["choose"], replace(leave, url=ELSEWHERE)
    await tab.goto(site + JOURNEY)
    await tab.get_by_role("radio", name="Alder Bank").check()
    await tab.get_by_role("button", name="Continue").first.click(no_wait_after=True)
    await tab.wait_for_url(ELSEWHERE)
    await tab.go_back()
    await expected(tab.get_by_role("heading", name="You are going to Alder Bank")).to_be_visible()
    await tab.wait_for_timeout(300)
    assert tab.url == site + JOURNEY
    await tab.reload()
    assert tab.url == site + JOURNEY
    await tab.get_by_role("link", name="Go to Alder Bank").click()
    await tab.wait_for_url(ELSEWHERE)
    citizen.view = replace(leave, url=ELSEWHERE, redirect_id="another-departure")
    await tab.goto(site + JOURNEY, wait_until="commit")
    await tab.wait_for_url(ELSEWHERE)


async def test_an_answer_by_post_reaches_the_service(
    tab: Page, site: str, citizen: GivenCitizen, *, scripted: bool
) -> None:
    leave = VIEWS["leave_by_post"]
    assert isinstance(leave, RedirectAway)
    citizen.view = replace(leave, url=FINISHED)
    await tab.goto(site + JOURNEY, wait_until="commit")
    if not scripted:
        await tab.get_by_role("button", name="Go to Apply for a fishing licence").click()
    await tab.wait_for_url(FINISHED)
    assert "POST code=x&state=%22%3C" in await tab.inner_text("p")


async def test_choosing_works_with_the_keyboard_alone(tab: Page, site: str, citizen: GivenCitizen) -> None:
    await tab.goto(site + path("choose"))
    await tab.keyboard.press("Tab")
    await expected(tab.get_by_role("link", name="Skip to the main part")).to_be_focused()
    await tab.keyboard.press("Enter")
    await tab.keyboard.press("Tab")
    await expected(tab.get_by_role("radio", name="Alder Bank")).to_be_focused()
    await tab.keyboard.press("ArrowDown")
    await expected(tab.get_by_role("radio", name="مدينة الأرز")).to_be_checked()
    async with tab.expect_navigation():
        await tab.keyboard.press("Enter")
    assert [done[0] for done in citizen.done] == ["choose"]
    assert citizen.done[0][2] == "cedar"


async def test_pressing_continue_without_a_choice_leads_to_the_radios(
    tab: Page, site: str, citizen: GivenCitizen
) -> None:
    await tab.goto(site + path("choose"))
    await tab.get_by_role("button", name="Continue").first.click()
    await tab.get_by_role("link", name="Choose one of the ways").click()
    await expected(tab.get_by_role("radio", name="Alder Bank")).to_be_focused()
    assert citizen.done == []


async def test_the_whole_card_can_be_pressed(tab: Page, site: str) -> None:
    await tab.goto(site + path("choose"))
    box = await tab.get_by_text("You need your city account.").bounding_box()
    assert box
    await tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await expected(tab.get_by_role("radio", name="مدينة الأرز")).to_be_checked()


async def test_switching_the_language_stays_on_the_page_and_holds(tab: Page, site: str) -> None:
    await tab.goto(site + path("failed_provider_down"))
    await tab.get_by_role("button", name="Cymraeg").click()
    assert tab.url == site + path("failed_provider_down")
    await expected(tab.get_by_role("heading", level=1)).to_have_text("Nid oedd Alder Bank yn gweithio")
    await tab.get_by_role("button", name="العربية").click()
    await expected(tab.locator("html")).to_have_attribute("dir", "rtl")
    await tab.goto(site + "/help")
    await expected(tab.locator("html")).to_have_attribute("lang", "ar")


async def test_every_stop_of_the_keyboard_can_be_seen(page: Page, site: str) -> None:
    await page.set_viewport_size({"width": 320, "height": 500})
    for view in ("failed_not_verified", "waiting_asked", "share"):
        await page.goto(site + path(view))
        stops = await page.locator("a[href], button, input:not([type=hidden])").count()
        for _ in range(stops):
            await page.keyboard.press("Tab")
            seen = await page.evaluate(
                """() => {
                    const e = document.activeElement, box = e.getBoundingClientRect(), style = getComputedStyle(e);
                    const label = e.type === 'radio' ? getComputedStyle(e.nextElementSibling, '::before') : style;
                    return { inside: box.top >= 0 && box.bottom <= innerHeight,
                             marked: label.outlineStyle !== 'none' || label.boxShadow !== 'none',
                             what: e.outerHTML.slice(0, 100) };
                }"""
            )
            if seen["what"].startswith("<body"):
                break
            assert seen["inside"], seen["what"]
            assert seen["marked"], seen["what"]


async def test_in_forced_colours_focus_and_choice_still_show(new_context: NewContext, site: str) -> None:
    page = await (await new_context(forced_colors="active")).new_page()
    await page.goto(site + path("choose"))
    radio = page.get_by_role("radio", name="Alder Bank")
    await radio.check()
    await radio.focus()
    ring = await radio.evaluate("e => getComputedStyle(e.nextElementSibling, '::before').outlineStyle")
    dot = await radio.evaluate("e => getComputedStyle(e.nextElementSibling, '::after').opacity")
    assert (ring, dot) == ("solid", "1")


async def test_text_may_be_spaced_out_without_being_cut_off(page: Page, site: str) -> None:
    await page.set_viewport_size({"width": 320, "height": 800})
    for view in ("choose", "share", "waiting_to_take_up", "failed_level_too_low"):
        await page.goto(site + path(view))
        await page.evaluate(
            """() => { for (const e of document.querySelectorAll('body, body *')) {
                e.style.setProperty('line-height', '1.5', 'important');
                e.style.setProperty('letter-spacing', '0.12em', 'important');
                e.style.setProperty('word-spacing', '0.16em', 'important'); } }"""
        )
        assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        cut = await page.evaluate(
            """() => [...document.querySelectorAll('main *')]
                .filter(e => getComputedStyle(e).overflow === 'hidden' && e.scrollHeight > e.clientHeight + 2
                             && !e.classList.contains('govuk-visually-hidden') && !e.closest('svg'))
                .map(e => e.outerHTML.slice(0, 100))"""
        )
        assert cut == []


def filled(text: str) -> re.Pattern[str]:
    """A pattern of a text with any placeholder values."""
    return re.compile(".+".join(map(re.escape, re.split(r"\{\w+\}", text))))


@pytest.mark.parametrize("failure", FailureClass)
async def test_every_class_of_failure_has_its_page_and_its_explanation(
    failure: FailureClass, site: str, new_context: NewContext
) -> None:
    tab, texts = await (await new_context()).new_page(), FAILURE_TEXTS[failure]
    if FAILURES[failure].page:
        await tab.goto(site + path(f"failed_{failure}"))
        await expected(tab.get_by_role("heading", level=1)).to_have_text(filled(texts.title))
        text = await tab.locator("main").inner_text()
        for sentence in texts.story:
            assert re.search(filled(sentence), text), sentence
    await tab.goto(f"{site}/errors/{failure}")
    await expected(tab.get_by_role("heading", level=1)).to_have_text(texts.heading)
    await expected(tab.locator("main")).to_contain_text(texts.meaning)
    await expected(tab.locator("main")).to_contain_text(texts.advice)


async def test_after_a_refused_form_the_focus_is_on_what_is_wrong(tab: Page, site: str, citizen: GivenCitizen) -> None:
    """Also without script: the first press of Tab leads to the link to the field."""
    await tab.goto(site + path("choose"))
    await tab.get_by_role("button", name="Continue").first.click()
    await expected(tab.locator(".govuk-error-summary")).to_be_focused()
    await tab.keyboard.press("Tab")
    await expected(tab.get_by_role("link", name="Choose one of the ways")).to_be_focused()
    await tab.goto(f"{site}{path('choose')}/help")
    await tab.get_by_role("button", name="Ask for help").click()
    await expected(tab.locator(".govuk-error-summary")).to_be_focused()
    await tab.keyboard.press("Tab")
    await tab.keyboard.press("Enter")
    await expected(tab.locator("#channel")).to_be_focused()
    assert citizen.done == []


async def test_a_button_that_cannot_be_undone_looks_like_a_warning(tab: Page, site: str) -> None:
    await tab.goto(f"{site}/freeze/usable")
    colours = "button => [getComputedStyle(button).backgroundColor, getComputedStyle(button).color]"
    assert await tab.locator("main .govuk-button").evaluate(colours) == ["rgb(150, 32, 26)", "rgb(255, 255, 255)"]
