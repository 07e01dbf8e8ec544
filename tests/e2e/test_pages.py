"""Properties of every page of a journey."""

import re

import pytest
from playwright.async_api import Request, Response, expect

from tests.e2e.app_harness import Stage
from tests.e2e.citizen_page import NORTHBANK, PICKER, Citizen
from tests.e2e.conftest import Newcomer

WELSH = "Cymraeg"


async def test_switching_the_language_keeps_the_transaction_wherever_it_stands(
    newcomer: Newcomer, shared_stage: Stage, *, script: bool
) -> None:
    citizen = await newcomer(shared_stage, script=script)
    page = citizen.page
    await citizen.begin()
    before, journey = await citizen.transaction(), page.url
    await citizen.press(WELSH)
    await expect(page.locator("html")).to_have_attribute("lang", "cy")
    assert page.url == journey
    assert await citizen.transaction() == before
    await page.get_by_role("radio", name=NORTHBANK).check()
    await page.locator("main form button").first.click()
    await citizen.at(NORTHBANK)
    await citizen.play("not_verified")
    await expect(page.locator("html")).to_have_attribute("lang", "cy")
    failed = await citizen.transaction()
    assert failed.reference == before.reference
    await citizen.press("English")
    await citizen.sees(f"{NORTHBANK} could not confirm your identity")
    assert await citizen.transaction() == failed
    # also on a page beside the journey's own, to which the same form leads back
    await citizen.press("Get help")
    await citizen.sees("Help")
    await citizen.press(WELSH)
    await expect(page.locator("html")).to_have_attribute("lang", "cy")
    await page.goto(journey)
    await expect(page.locator("html")).to_have_attribute("lang", "cy")
    assert await citizen.transaction() == failed


async def test_a_service_says_in_which_language_a_citizen_began_and_the_citizen_has_the_last_word(
    citizen: Citizen,
) -> None:
    await citizen.begin(ui_locales="cy")
    await expect(citizen.page.locator("html")).to_have_attribute("lang", "cy")
    await citizen.press("English")
    await citizen.sees(PICKER)
    await citizen.begin(ui_locales="cy")
    await citizen.sees(PICKER)


async def test_journey_pages_are_not_cached_and_load_nothing_from_other_origins(
    citizen: Citizen,
) -> None:
    page, stage = citizen.page, citizen.stage
    pages: list[Response] = []
    asked: list[Request] = []

    def keep(response: Response) -> None:
        if response.url.startswith(stage.issuer) and "text/html" in response.headers.get("content-type", ""):
            pages.append(response)

    page.on("response", keep)
    page.on("request", lambda request: asked.append(request))
    await citizen.begin()
    await page.get_by_role("link", name=re.compile("^About")).first.click()
    await page.go_back()
    await citizen.press("Tell us what you have, and see what fits")
    await page.get_by_role("checkbox", name="A smartphone").check()
    await citizen.press("See what fits")
    await citizen.reads("You can pick any of them")
    await citizen.choose(NORTHBANK)
    await citizen.play("declined_sharing")
    await citizen.press("See what and why")
    await citizen.reads("To address you by your name")
    await citizen.press("Go back")
    await citizen.press("Try again")
    await citizen.play("ok")
    await citizen.share()
    await citizen.arrives()
    assert len(pages) >= 9
    for shown in pages:
        headers = shown.headers
        assert headers["cache-control"] == "no-store", shown.url
        assert "form-action 'self'" in headers["content-security-policy"], shown.url
        assert "default-src 'none'" in headers["content-security-policy"], shown.url
        assert headers["referrer-policy"] == "no-referrer"
    assert [request.url for request in asked if request.resource_type in ("script", "fetch", "xhr", "websocket")] == []
    ours = (stage.issuer, stage.service, stage.providers)
    assert [request.url for request in asked if not request.url.startswith(ours)] == []


@pytest.mark.parametrize("path", ["/", "/help", "/accessibility", "/privacy", "/cookies", "/errors", "/continue"])
async def test_pages_outside_a_journey_are_public(citizen: Citizen, path: str) -> None:
    shown = await citizen.page.goto(f"{citizen.stage.issuer}{path}")
    assert shown is not None
    assert shown.status == 200
    await expect(citizen.page.get_by_role("heading", level=1)).not_to_be_empty()
