"""Security events in the demonstration: a session ends, and the sample service shows the event."""

import asyncio

import aiohttp
from playwright.async_api import expect

from tests.e2e.app_harness import Stage
from tests.e2e.citizen_page import NORTHBANK, Citizen


async def test_the_end_of_a_session_arrives_at_the_service(citizen: Citizen, shared_stage: Stage) -> None:
    page = citizen.page
    await page.goto(f"{shared_stage.service}/events")
    await page.get_by_role("button", name="Create the stream anew").click()
    await expect(page.locator("h1")).to_have_text("Security events")
    await expect(page.locator(".notice")).to_have_count(0)
    await citizen.begin("parking")
    await citizen.choose(NORTHBANK)
    await citizen.play("ok")
    await citizen.share()
    await citizen.arrives()
    await page.goto(f"{shared_stage.service}/sign-out")
    for _ in range(40):
        await page.goto(f"{shared_stage.service}/events")
        if await page.locator(".told", has_text="session-revoked").count():
            break
        await asyncio.sleep(0.5)
    await expect(page.locator(".told")).to_contain_text("verification: stream")
    await expect(page.locator(".told")).to_contain_text("session-revoked: citizen")
    async with aiohttp.ClientSession() as session:
        answer = await session.post(f"{shared_stage.service}/security-events", data="x")
        assert (answer.status, (await answer.json())["err"]) == (400, "authentication_failed")
